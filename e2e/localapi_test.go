//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// A web page must not be able to use the local API, not even through a program
// that forwards to the socket: whoever sends an Origin or another Host is
// refused, whatever is asked for, and nothing happens.
func TestLocalAPIIsForCommandsOnly(t *testing.T) {
	t.Parallel()
	n := botsynctest.New(t, "agent")
	n.Init()
	socket := n.Path(".botsync", "daemon.sock")
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Fatalf("the socket is open to others: %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(n.Path(".botsync")); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf(".botsync has mode %v, %v", info.Mode(), err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	for name, test := range map[string]struct {
		method, path, host, origin, body string
		want                             int
	}{
		"a command":             {"GET", "/v1/status", "botsync", "", "", 200},
		"a page":                {"GET", "/v1/status", "botsync", "https://example.org", "", 403},
		"a page from a file":    {"GET", "/v1/status", "botsync", "null", "", 403},
		"a page of this host":   {"GET", "/v1/status", "botsync", "http://botsync", "", 403},
		"another name":          {"GET", "/v1/status", "example.org", "", "", 403},
		"this machine":          {"GET", "/v1/status", "localhost", "", "", 403},
		"this machine's number": {"GET", "/v1/status", "127.0.0.1:80", "", "", 403},
		"the name and a port":   {"GET", "/v1/status", "botsync:80", "", "", 403},
		"a page that invites":   {"POST", "/v1/invites", "botsync", "https://example.org", "{}", 403},
		"another that invites":  {"POST", "/v1/invites", "example.org", "", "{}", 403},
		"a page that stops it":  {"POST", "/v1/stop", "botsync", "https://example.org", "", 403},
		"a page that listens":   {"GET", "/v1/events", "localhost", "", "", 403},
		"a form":                {"POST", "/v1/invites", "botsync", "", "relay=x", 400},
		"no such thing":         {"GET", "/v1/nothing", "botsync", "", "", 404},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), test.method, "http://botsync"+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Host = test.host
			if test.origin != "" {
				req.Header.Set("Origin", test.origin)
			}
			if test.body == "{}" {
				req.Header.Set("Content-Type", "application/json")
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != test.want {
				t.Fatalf("%s %s, %v", resp.Status, body, err)
			}
			var reply api.ErrorReply
			if test.want == 403 && (json.Unmarshal(body, &reply) != nil || reply.Error == nil || reply.Error.Code != api.CodeForbidden) {
				t.Fatalf("no error of the contract: %s", body)
			}
			if cors := resp.Header.Get("Access-Control-Allow-Origin"); cors != "" {
				t.Fatalf("it lets %q read the answer", cors)
			}
		})
	}
	if s := n.Status(); s.State != api.StateRunning || len(s.Invites) != 1 {
		t.Fatalf("a refused request did something: %+v", s)
	}
}
