package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

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

// What is no message ends the session with an error, and does not hang.
func TestGarbage(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	for _, in := range []string{"garbage\n", "{}\n", `{"jsonrpc":"2.0","id":{},"method":1}` + "\n", strings.Repeat("[", 5000) + "\n",
		`{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("x", maxMessage) + `"}` + "\n"} {
		var out bytes.Buffer
		if err := Run(t.Context(), of(r), io.NopCloser(strings.NewReader(in)), &out); err == nil {
			t.Errorf("%.40q is taken for a message: %s", in, &out)
		}
	}
}
