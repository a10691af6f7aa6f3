package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

// A script pipes its requests in and closes its end: it gets every answer, also
// that of a wait, which ends then.
func TestRequestsFromAPipe(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	serve(t, r, &fake{newer: func(ctx context.Context, _ api.NewRequest, on func(api.NewFile) error) error {
		<-ctx.Done()
		return ctx.Err()
	}})
	in := strings.Join([]string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":"two","method":"tools/call","params":{"name":"list_files"}}`,
		`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"status","arguments":{}}}`,
		`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"wait_for_files","arguments":{"timeout_seconds":3600}}}`,
		`{"jsonrpc":"2.0","id":5,"method":"tools/list"}`,
	}, "\n") + "\n"
	var out bytes.Buffer
	if err := Run(t.Context(), of(r), io.NopCloser(strings.NewReader(in)), &out); err != nil {
		t.Fatal(err)
	}
	answered := map[any]bool{}
	for line := range strings.Lines(out.String()) {
		var msg struct {
			JSONRPC string         `json:"jsonrpc"`
			ID      any            `json:"id"`
			Result  map[string]any `json:"result"`
		}
		if err := json.Unmarshal([]byte(line), &msg); err != nil || msg.JSONRPC != "2.0" {
			t.Fatalf("%v: %s", err, line)
		}
		answered[msg.ID] = true
		if failed, _ := msg.Result["isError"].(bool); failed != (msg.ID == 4.0) {
			t.Error(line)
		}
	}
	for _, id := range []any{1.0, "two", 3.0, 4.0, 5.0} {
		if !answered[id] {
			t.Errorf("%v was not answered", id)
		}
	}
}

// What is no message is answered, and costs neither the session nor a call that
// is under way.
func TestGarbage(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	for in, want := range map[string]string{
		"garbage":                               `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,`,
		strings.Repeat("[", 5000):               `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,`,
		"\x00\xff":                              `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,`,
		"{}":                                    `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,`,
		"7":                                     `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,`,
		"[]":                                    `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,`,
		`[{"jsonrpc":"2.0","method":"ping"}]`:   `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,`,
		`{"jsonrpc":"2.0","id":{},"method":1}`:  `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,`,
		`{"jsonrpc":"1.0","id":8,"method":"x"}`: `{"jsonrpc":"2.0","id":8,"error":{"code":-32600,`,
		`{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("x", maxMessage) + `"}`: `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,`,
		"  ": "", "\r": "",
	} {
		in := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}` +
			"\n" + in + "\n" + `{"jsonrpc":"2.0","id":2,"method":"ping"}  ` // and no end of the line
		var out bytes.Buffer
		if err := Run(t.Context(), of(r), io.NopCloser(strings.NewReader(in)), &out); err != nil {
			t.Errorf("%.200q ended the session: %v", in[150:], err)
		}
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "error") != (want != "") || !strings.Contains(out.String(), `"id":2,"result":{}`) {
			t.Errorf("%.200q was answered with %s", in[150:], &out)
		}
	}
}

// Only what the library reads is handed on, and everything else is answered.
func FuzzSieve(f *testing.F) {
	for _, in := range []string{"", "\n", "{}", "garbage\r\n", `{"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n[]\n", `[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","id":1,"method":"b"}]`,
		`[{"jsonrpc":"2.0","id":1,"method":"a"}]`} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var answers bytes.Buffer
		out, err := io.ReadAll(newSieve(io.NopCloser(bytes.NewReader(in)), &answers))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range bytes.Lines(in) {
			if len(bytes.TrimSpace(line)) > 0 {
				lines++
			}
		}
		for line := range bytes.Lines(out) {
			lines--
			if err := checkMessage(bytes.TrimSpace(line)); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			if !bytes.Contains(in, bytes.TrimSpace(line)) {
				t.Errorf("%q is not what came", line)
			}
		}
		for line := range bytes.Lines(answers.Bytes()) {
			lines--
			if _, err := jsonrpc.DecodeMessage(line); !json.Valid(line) || err != nil && !bytes.Contains(line, []byte(`"id":null`)) {
				t.Errorf("%q: %v", line, err)
			}
		}
		if lines != 0 {
			t.Errorf("%q: %d lines too many", in, lines)
		}
	})
}
