package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// raw sends bytes to the daemon's socket and returns the status line.
func raw(t *testing.T, path, request string) string {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The daemon may answer and hang up before it has taken everything.
	go func() { _, _ = io.WriteString(conn, request) }()
	answer := make([]byte, 64)
	n, _ := io.ReadAtLeast(conn, answer, len("HTTP/1.1 200"))
	line, _, _ := strings.Cut(string(answer[:n]), "\r\n")
	_, status, _ := strings.Cut(line, " ") // without the version of HTTP
	return status
}

func TestWhoeverIsNoCommandIsRefused(t *testing.T) {
	t.Parallel()
	r := serve(t, &fake{
		invite: func(context.Context, api.InviteRequest) (*api.InviteLine, error) { return &api.InviteLine{}, nil },
	})
	path, _ := r.SocketPath()
	post := func(kind, body string) string {
		return fmt.Sprintf("POST /v1/invites HTTP/1.1\r\nHost: botsync\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, len(body), body)
	}
	for _, tc := range []struct{ name, request, want string }{
		{"a command", "GET /v1/version HTTP/1.1\r\nHost: botsync\r\n\r\n", "200 OK"},
		{"another host", "GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n", "403 Forbidden"},
		{"rebinding", "GET /v1/status HTTP/1.1\r\nHost: botsync.evil.example\r\n\r\n", "403 Forbidden"},
		{"host with a port", "GET /v1/status HTTP/1.1\r\nHost: botsync:80\r\n\r\n", "403 Forbidden"},
		{"no host", "GET /v1/status HTTP/1.0\r\n\r\n", "403 Forbidden"},
		{"a browser", "GET /v1/status HTTP/1.1\r\nHost: botsync\r\nOrigin: http://botsync\r\n\r\n", "403 Forbidden"},
		{"an empty origin", "GET /v1/status HTTP/1.1\r\nHost: botsync\r\nOrigin:\r\n\r\n", "403 Forbidden"},
		{"wrong method", "POST /v1/status HTTP/1.1\r\nHost: botsync\r\nContent-Length: 0\r\n\r\n", "405 Method Not Allowed"},
		{"stop by a link", "GET /v1/stop HTTP/1.1\r\nHost: botsync\r\n\r\n", "405 Method Not Allowed"},
		{"unknown path", "GET /v1/nothing HTTP/1.1\r\nHost: botsync\r\n\r\n", "404 Not Found"},
		{"an invite", post("application/json", "{}"), "200 OK"},
		{"a form", post("application/x-www-form-urlencoded", "{}"), "400 Bad Request"},
		{"no body", post("application/json", ""), "400 Bad Request"},
		{"half a body", post("application/json", "{"), "400 Bad Request"},
		{"two values", post("application/json", "{}{}"), "400 Bad Request"},
		{"wrong type", post("application/json", `{"relay":1}`), "400 Bad Request"},
		{"huge body", post("application/json", `{"relay":"`+strings.Repeat("x", 10<<20)+`"}`), "400 Bad Request"},
		{"huge header", "GET /v1/version HTTP/1.1\r\nHost: botsync\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "431 Request Header Fields Too Large"},
		{"no HTTP", "hello\r\n\r\n", "400 Bad Request"},
	} {
		if got := raw(t, path, tc.request); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

// requestPaths take a body each of a form of its own.
var requestPaths = []string{"/v1/join", "/v1/invites", "/v1/history", "/v1/restore", "/v1/undo", "/v1/conflicts/diff", "/v1/conflicts/keep", "/v1/doctor"}

// answersAll has an answer for all that decodes.
type answersAll struct{ *fake }

func (answersAll) History(_ context.Context, req api.HistoryRequest) (*api.History, error) {
	mustNotBeNegative(req.Timeout)
	return &api.History{Schema: api.Schema}, nil
}

func (answersAll) Restore(_ context.Context, req api.RestoreRequest) (*api.RestoredLine, error) {
	mustNotBeNegative(req.Timeout)
	return &api.RestoredLine{Schema: api.Schema}, nil
}

func (answersAll) Undo(_ context.Context, req api.UndoRequest) (*api.UndoneLine, error) {
	mustNotBeNegative(req.Timeout)
	return &api.UndoneLine{Schema: api.Schema}, nil
}

func (answersAll) ConflictDiff(context.Context, api.DiffRequest) (*api.ConflictDiffs, error) {
	return &api.ConflictDiffs{Schema: api.Schema}, nil
}

func (answersAll) KeepVersions(context.Context, api.KeepRequest) (*api.ResolvedLine, error) {
	return &api.ResolvedLine{Schema: api.Schema}, nil
}

func (answersAll) Doctor(context.Context, api.DoctorRequest) (*api.Doctor, error) {
	return &api.Doctor{Schema: api.Schema}, nil
}

func mustNotBeNegative(timeout time.Duration) {
	if timeout < 0 {
		panic("a timeout below zero")
	}
}

// Whatever arrives as a request, the answer is well-formed: an object of ours
// or an error, and the backend sees only what decoded.
func FuzzRequestBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"code":"a b c d e","timeout":1}`, `{"timeout":-1}`, `{"timeout":1e99}`, `[]`, `null`, `{"code":"\ud800"}`, ``, `{}{}`, strings.Repeat("[", 9999)} {
		for n := range requestPaths {
			f.Add(n, []byte(seed))
		}
	}
	h := Handler(answersAll{&fake{
		invite: func(context.Context, api.InviteRequest) (*api.InviteLine, error) { return &api.InviteLine{}, nil },
		join: func(_ context.Context, req api.JoinRequest, _ func(api.ProgressLine)) (*api.JoinedLine, error) {
			if req.Timeout < 0 {
				panic("a timeout below zero")
			}
			return &api.JoinedLine{}, nil
		},
	}})
	f.Fuzz(func(t *testing.T, n int, body []byte) {
		path := requestPaths[uint(n)%uint(len(requestPaths))]
		req := httptest.NewRequest(http.MethodPost, "http://botsync"+path, bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		var answer struct {
			Schema int
			Type   string
			Error  *api.Error
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Schema != api.Schema {
			t.Fatalf("%d: the answer to %q is %q: %v", w.Code, body, w.Body, err)
		}
		if (w.Code == http.StatusOK) != (answer.Error == nil) {
			t.Fatalf("%d with error %+v", w.Code, answer.Error)
		}
		if answer.Error != nil && answer.Error.Code != api.CodeUsage {
			t.Fatalf("the answer to %q is the error %+v", body, answer.Error)
		}
	})
}
