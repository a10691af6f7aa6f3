package relay_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/relay"
	"github.com/botsync/botsync/internal/relay/relaytest"
	"github.com/coder/websocket"
)

func newLabel() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// dial connects as host or guest; the error is a status when the relay answered one.
func dial(t *testing.T, r *relaytest.Relay, label, as string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, r.URL+"/v1/meet/"+label+"?as="+as, nil)
	if err == nil {
		t.Cleanup(func() { ws.CloseNow() })
	}
	return ws, resp, err
}

func mustDial(t *testing.T, r *relaytest.Relay, label, as string) *websocket.Conn {
	t.Helper()
	ws, _, err := dial(t, r, label, as)
	if err != nil {
		t.Fatalf("connecting as %s: %v", as, err)
	}
	return ws
}

// wantStatus expects a refusal.
func wantStatus(t *testing.T, r *relaytest.Relay, label, as string, status int) *http.Response {
	t.Helper()
	_, resp, err := dial(t, r, label, as)
	if err == nil || resp == nil || resp.StatusCode != status {
		t.Fatalf("connecting as %s: got %v, %v; want status %d", as, resp, err, status)
	}
	if resp.Header.Get(relay.Header) == "" {
		t.Errorf("status %d came without the header %s", status, relay.Header)
	}
	return resp
}

// eventually retries what depends on the relay having noticed something.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func write(t *testing.T, ws *websocket.Conn, b []byte) {
	t.Helper()
	if err := ws.Write(t.Context(), websocket.MessageBinary, b); err != nil {
		t.Fatalf("writing: %v", err)
	}
}

// read reads exactly n bytes.
func read(t *testing.T, ws *websocket.Conn, n int) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got []byte
	for len(got) < n {
		_, b, err := ws.Read(ctx)
		if err != nil {
			t.Fatalf("reading after %d of %d bytes: %v", len(got), n, err)
		}
		got = append(got, b...)
	}
	return got
}

// wantClose expects that the relay closes, with a code and a reason.
func wantClose(t *testing.T, ws *websocket.Conn, code websocket.StatusCode, reason string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		if _, _, err := ws.Read(ctx); err != nil {
			var ce websocket.CloseError
			if !errors.As(err, &ce) || ce.Code != code || !strings.Contains(ce.Reason, reason) {
				t.Fatalf("closed with %v; want %v %q", err, code, reason)
			}
			return
		}
	}
}

func TestMeetingCarriesBytesBothWays(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	label := newLabel()
	host, guest := mustDial(t, r, label, "host"), mustDial(t, r, label, "guest")
	big := make([]byte, 60<<10)
	rand.Read(big)
	for _, piece := range [][]byte{[]byte("hello"), {0}, big} {
		write(t, guest, piece)
		if got := read(t, host, len(piece)); string(got) != string(piece) {
			t.Fatalf("host received other bytes than were sent")
		}
		write(t, host, piece)
		if got := read(t, guest, len(piece)); string(got) != string(piece) {
			t.Fatalf("guest received other bytes than were sent")
		}
	}
	// What is said last arrives, although its sender leaves at once.
	write(t, guest, []byte("ack"))
	go guest.Close(websocket.StatusNormalClosure, "")
	if got := read(t, host, 3); string(got) != "ack" {
		t.Fatalf("host received %q last", got)
	}
	wantClose(t, host, websocket.StatusNormalClosure, "")
	eventually(t, "both have left", func() bool { s := r.Stats(); return s.Hosts == 0 && s.Guests == 0 && s.Pending == 0 })
}

func TestLabelIsForOneHostAndOneGuest(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	label := newLabel()
	wantStatus(t, r, label, "guest", http.StatusNotFound)

	host := mustDial(t, r, label, "host")
	wantStatus(t, r, label, "host", http.StatusConflict)
	mustDial(t, r, label, "guest")
	wantStatus(t, r, label, "guest", http.StatusGone)
	// The host may come back while its first guest is still there, which may be silent for long.
	mustDial(t, r, label, "host")
	mustDial(t, r, label, "guest")
	wantStatus(t, r, label, "guest", http.StatusGone)

	host.CloseNow()
	wantStatus(t, r, newLabel(), "guest", http.StatusNotFound)
}

func TestHostThatLeavesGivesItsLabelUp(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	label := newLabel()
	mustDial(t, r, label, "host").CloseNow()
	eventually(t, "the host is gone", func() bool { return r.Stats().Hosts == 0 })
	wantStatus(t, r, label, "guest", http.StatusNotFound)
	mustDial(t, r, label, "host")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	label := newLabel()
	const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	for _, tt := range []struct {
		name, request string
		status        int
	}{
		{"short label", "GET /v1/meet/" + label[1:] + "?as=host HTTP/1.1\r\nHost: x\r\n" + upgrade, 400},
		{"upper-case label", "GET /v1/meet/" + strings.Repeat("A", 64) + "?as=host HTTP/1.1\r\nHost: x\r\n" + upgrade, 400},
		{"no role", "GET /v1/meet/" + label + " HTTP/1.1\r\nHost: x\r\n" + upgrade, 400},
		{"other role", "GET /v1/meet/" + label + "?as=king HTTP/1.1\r\nHost: x\r\n" + upgrade, 400},
		{"two roles", "GET /v1/meet/" + label + "?as=host&as=guest HTTP/1.1\r\nHost: x\r\n" + upgrade, 400},
		{"POST", "POST /v1/meet/" + label + "?as=host HTTP/1.1\r\nHost: x\r\n" + upgrade, 405},
		{"body", "GET /v1/meet/" + label + "?as=host HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n" + upgrade + "\r\nhello", 413},
		{"chunked body", "GET /v1/meet/" + label + "?as=host HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + upgrade, 413},
		{"plain GET", "GET /v1/meet/" + label + "?as=host HTTP/1.1\r\nHost: x\r\n", 426},
		{"HTTP/1.0", "GET /v1/meet/" + label + "?as=host HTTP/1.0\r\nHost: x\r\n" + upgrade, 426},
		{"browser of another site", "GET /v1/meet/" + label + "?as=host HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n" + upgrade, 403},
		{"headers without end", "GET /v1/meet/" + label + "?as=host HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n" + upgrade, 431},
		{"not HTTP", "\x16\x03\x01\x02\x00 rubbish", 400},
		{"unknown path", "GET /v2/meet HTTP/1.1\r\nHost: x\r\n", 404},
		{"health", "GET /healthz HTTP/1.1\r\nHost: x\r\n", 200},
		{"about", "GET / HTTP/1.1\r\nHost: x\r\n", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", strings.TrimPrefix(r.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(10 * time.Second))
			io.WriteString(c, tt.request+"\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("reading the answer: %v", err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
			for _, h := range []string{"Set-Cookie", "Access-Control-Allow-Origin"} {
				if resp.Header.Get(h) != "" {
					t.Errorf("the answer has a header %s", h)
				}
			}
		})
	}
}

func TestLimitsOfAMeeting(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		cfg    relay.Config
		do     func(t *testing.T, host, guest *websocket.Conn)
		code   websocket.StatusCode
		reason string
	}{
		{"bytes", relay.Config{MaxBytes: 10_000, MaxMessage: 1 << 20}, func(t *testing.T, host, guest *websocket.Conn) {
			for range 3 { // both directions count
				write(t, guest, make([]byte, 2000))
				read(t, host, 2000)
				write(t, host, make([]byte, 1000))
				read(t, guest, 1000)
			}
			guest.Write(t.Context(), websocket.MessageBinary, make([]byte, 1001))
		}, websocket.StatusPolicyViolation, "too many bytes"},
		{"message", relay.Config{MaxMessage: 1000}, func(t *testing.T, _, guest *websocket.Conn) {
			guest.Write(t.Context(), websocket.MessageBinary, make([]byte, 1100))
		}, websocket.StatusMessageTooBig, ""},
		{"text", relay.Config{}, func(t *testing.T, _, guest *websocket.Conn) {
			guest.Write(t.Context(), websocket.MessageText, []byte("hello"))
		}, websocket.StatusUnsupportedData, "binary"},
		{"silence", relay.Config{SpeakTimeout: 100 * time.Millisecond}, func(*testing.T, *websocket.Conn, *websocket.Conn) {
		}, websocket.StatusPolicyViolation, "said nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := relaytest.NewWith(t, tt.cfg)
			label := newLabel()
			host, guest := mustDial(t, r, label, "host"), mustDial(t, r, label, "guest")
			host.SetReadLimit(-1)
			tt.do(t, host, guest)
			wantClose(t, guest, tt.code, tt.reason)
			host.CloseNow()
			eventually(t, "both have left", func() bool { s := r.Stats(); return s.Hosts == 0 && s.Guests == 0 })
		})
	}
}

func TestMeetingTakesNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	r := relaytest.NewWith(t, relay.Config{MaxDuration: 100 * time.Millisecond})
	label := newLabel()
	host, guest := mustDial(t, r, label, "host"), mustDial(t, r, label, "guest")
	write(t, guest, []byte("hello"))
	read(t, host, 5)
	// Whichever side's time is over first is told so; the other one sees it leave.
	if reasons := closeReasons(t, host, guest); !strings.Contains(reasons, "took too long") {
		t.Errorf("nobody was told that it took too long: %s", reasons)
	}
}

// closeReasons waits until all are closed, and returns what they were told.
func closeReasons(t *testing.T, peers ...*websocket.Conn) (reasons string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, ws := range peers {
		_, _, err := ws.Read(ctx)
		reasons += fmt.Sprint(err, "; ")
	}
	return reasons
}

func TestHostWaitsNoLongerThanItsLifetime(t *testing.T) {
	t.Parallel()
	r := relaytest.NewWith(t, relay.Config{Lifetime: 100 * time.Millisecond})
	label := newLabel()
	wantClose(t, mustDial(t, r, label, "host"), websocket.StatusPolicyViolation, "in time")
	wantStatus(t, r, label, "guest", http.StatusNotFound)

	// A used label is forgotten after the same time.
	host := mustDial(t, r, label, "host")
	mustDial(t, r, label, "guest")
	wantStatus(t, r, label, "guest", http.StatusGone)
	host.CloseNow()
	eventually(t, "the label is forgotten", func() bool {
		_, resp, _ := dial(t, r, label, "guest")
		return resp != nil && resp.StatusCode == http.StatusNotFound
	})
}

func TestHostMustWaitForTheGuestToSpeak(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	host := mustDial(t, r, newLabel(), "host")
	write(t, host, []byte("hello?"))
	wantClose(t, host, websocket.StatusPolicyViolation, "guest speaks first")
}

func TestDeadHostIsDropped(t *testing.T) {
	t.Parallel()
	r := relaytest.NewWith(t, relay.Config{PingInterval: 20 * time.Millisecond, PingTimeout: 2 * time.Second})
	alive, dead := newLabel(), newLabel()
	host := mustDial(t, r, alive, "host")
	go host.Read(t.Context()) // answers pings
	mustDial(t, r, dead, "host")
	eventually(t, "one host is left", func() bool { return r.Stats().Hosts == 1 })
	wantStatus(t, r, dead, "guest", http.StatusNotFound)
	mustDial(t, r, alive, "guest")
}

func TestLimitsOfMeetings(t *testing.T) {
	t.Parallel()
	for _, cfg := range []relay.Config{{MaxMeetings: 2}, {MaxMeetingsPerAddress: 2}} {
		r := relaytest.NewWith(t, cfg)
		first := mustDial(t, r, newLabel(), "host")
		mustDial(t, r, newLabel(), "host")
		label := newLabel()
		if resp := wantStatus(t, r, label, "host", http.StatusTooManyRequests); resp.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		first.CloseNow()
		eventually(t, "there is room again", func() bool { _, _, err := dial(t, r, label, "host"); return err == nil })
	}
}

func TestRequestRate(t *testing.T) {
	t.Parallel()
	r := relaytest.NewWith(t, relay.Config{RequestRate: 0.1, RequestBurst: 3})
	label := newLabel()
	for range 3 {
		wantStatus(t, r, label, "guest", http.StatusNotFound)
	}
	resp := wantStatus(t, r, label, "guest", http.StatusTooManyRequests)
	if got := resp.Header.Get("Retry-After"); got != "10" {
		t.Errorf("Retry-After is %q, want 10", got)
	}
}

func TestSlowRequestIsCut(t *testing.T) {
	t.Parallel()
	r := relaytest.NewWith(t, relay.Config{HeaderTimeout: 100 * time.Millisecond})
	c, err := net.Dial("tcp", strings.TrimPrefix(r.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HT")
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if b, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection was not closed: %q, %v", b, err)
	}
}

// Ten thousand connections that send nothing, or half a request, do not keep a pair from meeting, even if they
// come from the same address.
func TestCrowdOfSilentConnections(t *testing.T) {
	t.Parallel()
	const crowd, limit = 10_000, 500
	r := relaytest.NewWith(t, relay.Config{MaxPending: limit})
	addr := strings.TrimPrefix(r.URL, "http://")
	ctx, cancel := context.WithCancel(t.Context())
	flooded := make(chan int)
	go func() {
		n := 0
		defer func() { flooded <- n }()
		var d net.Dialer
		for ; n < crowd && ctx.Err() == nil; n++ {
			c, err := d.DialContext(ctx, "tcp", addr)
			if err != nil {
				break
			}
			defer c.Close()
			if n%2 == 0 {
				io.WriteString(c, "GET /v1/meet/")
			}
		}
		<-ctx.Done()
	}()
	eventually(t, "the crowd is there", func() bool { return r.Stats().Pending == limit })
	label := newLabel()
	start := time.Now()
	host := mustDial(t, r, label, "host")
	guest := mustDial(t, r, label, "guest")
	write(t, guest, []byte("through"))
	read(t, host, 7)
	t.Logf("met in %v", time.Since(start))
	if n := r.Stats().Pending; n > limit {
		t.Errorf("%d connections are pending, more than %d", n, limit)
	}
	cancel()
	t.Logf("%d connections were made", <-flooded)
}

func TestStopping(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	waiting := mustDial(t, r, newLabel(), "host")
	label := newLabel()
	host, guest := mustDial(t, r, label, "host"), mustDial(t, r, label, "guest")
	closed := make(chan struct{})
	go func() { defer close(closed); r.Close() }()
	wantClose(t, waiting, websocket.StatusGoingAway, "stopping")
	// A meeting in progress may finish.
	write(t, guest, []byte("still here"))
	read(t, host, 10)
	go guest.Close(websocket.StatusNormalClosure, "")
	wantClose(t, host, websocket.StatusNormalClosure, "")
	<-closed
	r.Start()
	mustDial(t, r, label, "host")
}

func TestStoppingCutsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	r := relaytest.NewWith(t, relay.Config{ShutdownGrace: 50 * time.Millisecond})
	label := newLabel()
	host, guest := mustDial(t, r, label, "host"), mustDial(t, r, label, "guest")
	closed := make(chan struct{})
	go func() { defer close(closed); r.Close() }()
	if reasons := closeReasons(t, host, guest); !strings.Contains(reasons, "stopping") {
		t.Errorf("nobody was told that the relay is stopping: %s", reasons)
	}
	<-closed
}

func ExampleServer_Serve() {
	ctx, cancel := context.WithCancel(context.Background())
	ln, _ := net.Listen("tcp", "127.0.0.1:0")
	done := make(chan error)
	go func() { done <- relay.New(relay.Config{}).Serve(ctx, ln) }()
	resp, _ := http.Get("http://" + ln.Addr().String() + "/healthz")
	b, _ := io.ReadAll(resp.Body)
	cancel()
	fmt.Printf("%s%v", b, <-done)
	// Output:
	// ok
	// <nil>
}
