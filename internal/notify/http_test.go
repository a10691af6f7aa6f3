package notify

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

func senderFor(t *testing.T, cfg api.NotifyTarget) sender {
	t.Helper()
	n := &Notifier{o: options(newMemStore(), newMemLog())}
	n.o.Here.Root = t.TempDir()
	s, err := n.sender(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func hook(url string) api.NotifyTarget {
	return api.NotifyTarget{Name: "openclaw", Kind: api.NotifyOpenClaw, URL: url, Token: "s3cr3t"}
}

// A gateway of which nothing can be relied upon.
func TestHostileGateway(t *testing.T) {
	t.Parallel()
	var leaked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { leaked.Add(1) }))
	defer elsewhere.Close()
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			io.WriteString(w, "<!DOCTYPE html><script>alert(1)</script>")
		}
	}
	status := func(code int, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(code)
			io.WriteString(w, "{\"error\":\"no\x1b[31m\u202e\"}")
		}
	}
	endless := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			for chunk := make([]byte, 1<<20); ; { // 10 MB, unless the reader has had enough
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}
	}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    verdict
		says    string
		after   time.Duration
	}{
		"accepts":                   {status(200), accepted, "200 OK", 0},
		"accepts, of early 2026":    {status(202), accepted, "202", 0},
		"a web page":                {page(200), pause, "web page", 0},
		"a web page that is no":     {page(404), pause, "hooks are switched off", 0},
		"a web page of a proxy":     {page(502), retry, "a web page", 0},
		"elsewhere":                 {status(302, "Location", elsewhere.URL), pause, "redirect", 0},
		"elsewhere, body and all":   {status(307, "Location", elsewhere.URL), pause, "redirect", 0},
		"another path":              {status(308, "Location", "/other"), pause, "redirect", 0},
		"a wrong token":             {status(401), pause, "the token is wrong", 0},
		"forbidden":                 {status(403), pause, "403 Forbidden", 0},
		"too many":                  {status(429, "Retry-After", "60"), retry, "429", time.Minute},
		"restarting":                {status(503, "Retry-After", "1"), retry, "503", time.Second},
		"a bad message":             {status(400), park, "400 Bad Request ({\"error\":\"no\\u001b[31m\\u202e\"})", 0},
		"too large":                 {status(413), park, "413", 0},
		"a mistake":                 {status(500), retryFew, "500", 0},
		"10 MB, accepted":           {endless(200), accepted, "200", 0},
		"10 MB, refused":            {endless(400), park, "400", 0},
		"a status that is none":     {status(299), accepted, "299", 0},
		"cut off before the answer": {func(w http.ResponseWriter, r *http.Request) { hijack(w, "") }, retry, "cannot be reached", 0},
		"cut off in its answer": {func(w http.ResponseWriter, r *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"ok\":")
		}, accepted, "200", 0},
		"no HTTP": {func(w http.ResponseWriter, r *http.Request) { hijack(w, "SSH-2.0-OpenSSH_9.9\r\n") }, retry, "cannot be reached", 0},
		"endless header": {func(w http.ResponseWriter, r *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20))
		}, retry, "cannot be reached", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tc.handler)
			defer server.Close()
			s := senderFor(t, hook(server.URL+"/hooks/agent"))
			for range 2 { // also on the connection that is there already, if there is one
				a := s.send(t.Context(), "key", []byte("{}"))
				if a.verdict != tc.want || !strings.Contains(a.text, tc.says) || a.after != tc.after {
					t.Errorf("%+v, want %v, %q, %v", a, tc.want, tc.says, tc.after)
				}
				if strings.Contains(a.text, "s3cr3t") || len(a.text) > 3*maxSaid {
					t.Errorf("said: %s", a.text)
				}
			}
			if n := leaked.Load(); n > 0 {
				t.Errorf("a redirect was followed %d times", n)
			}
		})
	}
}

// hijack answers with bytes, and cuts the connection.
func hijack(w http.ResponseWriter, answer string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, answer)
	_ = conn.Close()
}

// Nobody listens, nothing answers, and the daemon stops meanwhile.
func TestGatewayThatIsNotThere(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String() + "/secret-path"
	s := senderFor(t, hook(url))
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errNoAnswer)
	defer cancel()
	if a := s.send(ctx, "k", nil); a.verdict != retry || !strings.Contains(a.text, "does not answer") {
		t.Errorf("one that never answers: %+v", a)
	}
	l.Close()
	if a := s.send(t.Context(), "k", nil); a.verdict != retry || !strings.Contains(a.text, "refused") || strings.Contains(a.text, "secret-path") {
		t.Errorf("one that is not there: %+v", a)
	}
	if httpPatience < 20*time.Second {
		t.Error("a gateway that is busy answers after 15 s")
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	var requests []*http.Request
	var bodies []string
	conns := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests, bodies = append(requests, r), append(bodies, string(body))
		conns[r.RemoteAddr] = true
		fmt.Fprint(w, `{"ok":true,"runId":"1"}`)
	}))
	defer server.Close()
	s := senderFor(t, hook(server.URL))
	for range 3 {
		if a := s.send(t.Context(), "msg_1", []byte(`{"x":1}`)); a.verdict != accepted {
			t.Fatalf("%+v", a)
		}
	}
	for i, r := range requests {
		for name, want := range map[string]string{"Authorization": "Bearer s3cr3t", "Idempotency-Key": "msg_1",
			"Content-Type": "application/json", "User-Agent": "botsync/v1.2.3", "X-Forwarded-For": "", "Accept-Encoding": ""} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if r.Method != http.MethodPost || bodies[i] != `{"x":1}` {
			t.Errorf("%s %s", r.Method, bodies[i])
		}
	}
	if len(conns) != 1 {
		t.Errorf("three requests took %d connections", len(conns))
	}

	// Standard Webhooks: the example of the specification's reference libraries.
	key, err := root.WebhookKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := "v1," + base64.StdEncoding.EncodeToString(signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	requests = nil
	hook := senderFor(t, api.NotifyTarget{Name: "w", Kind: api.NotifyWebhook, URL: server.URL, Secret: NewSecret()})
	if a := hook.send(t.Context(), "msg_2", []byte(`{}`)); a.verdict != accepted {
		t.Fatalf("%+v", a)
	}
	h := requests[0].Header
	if h.Get("webhook-id") != "msg_2" || h.Get("webhook-timestamp") == "" || !strings.HasPrefix(h.Get("webhook-signature"), "v1,") || h.Get("Authorization") != "" {
		t.Errorf("headers %v", h)
	}
}
