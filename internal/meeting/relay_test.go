package meeting_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/relay"
	"github.com/botsync/botsync/internal/relay/relaytest"
)

func TestRelayWay(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	h := startHost(t, "code", meeting.NewRelay(r.URL+"/"))
	h.await(t, "relay", isOpen)
	for range 3 { // one host, several guests: none uses the place up
		_, took := mustDial(t, "code", meeting.NewRelay(r.URL))
		t.Logf("met in %v", took)
	}
}

// A guest that comes a little before its host waits for it.
func TestGuestBeforeHost(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	way := meeting.NewRelay(r.URL)
	met := make(chan error, 1)
	go func() {
		conn, _, err := dial(t.Context(), "code", 0, way)
		if err == nil {
			conn.Close()
		}
		met <- err
	}()
	for deadline := time.Now().Add(10 * time.Second); r.Stats().Refused < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the guest does not ask twice")
		}
	}
	startHost(t, "code", way)
	if err := <-met; err != nil {
		t.Error(err)
	}
}

func TestHostComesBackWhenItsRelayDoes(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	way := meeting.NewRelay(r.URL)
	h := startHost(t, "code", way)
	h.await(t, "relay", isOpen)
	r.Close()
	s := h.await(t, "relay", isFailing)
	t.Logf("while the relay is away: %v", s.Err)
	if !strings.Contains(s.Err.Error(), "refused") {
		t.Errorf("the reason is not that the relay is away: %v", s.Err)
	}
	r.Start()
	h.await(t, "relay", isOpen)
	mustDial(t, "code", way)
}

// Guests that say nothing, leave at once or do not know the code do not keep the right one from the host.
func TestBadGuestsAtTheRelay(t *testing.T) {
	t.Parallel()
	r := relaytest.NewWith(t, relay.Config{SpeakTimeout: 200 * time.Millisecond})
	way := meeting.NewRelay(r.URL)
	h := startHost(t, "code", way)
	h.await(t, "relay", isOpen)
	bad := func(do func(conn net.Conn)) {
		meeting.Dial(t.Context(), []meeting.Way{way}, placeOf("code"), meeting.DialOptions{},
			func(_ context.Context, _ string, conn net.Conn) (int, error) { do(conn); return 0, nil })
	}
	bad(func(conn net.Conn) { conn.Close() })
	bad(func(conn net.Conn) { io.WriteString(conn, "wrong"); conn.Close() })
	bad(func(conn net.Conn) { io.Copy(io.Discard, conn) })
	_, took := mustDial(t, "code", way)
	t.Logf("met in %v", took)
}

func TestHostileRelays(t *testing.T) {
	t.Parallel()
	want := map[relaytest.Behaviour]string{
		relaytest.Rubbish:     "not HTTP",
		relaytest.WebPage:     "a web page (200 OK, text/html), is this really a botsync relay?",
		relaytest.NotFound:    "404 Not Found, is this really a botsync relay?",
		relaytest.ServerError: "500 Internal Server Error",
		relaytest.Hang:        "did not answer in time",
		relaytest.Slam:        "closed the connection",
		relaytest.Redirect:    "redirect to another host (http://127.0.0.2:9)",
		relaytest.Endless:     "not HTTP",
	}
	for _, b := range relaytest.NotRelays {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			r := relaytest.Hostile(t, b)
			bad := meeting.NewRelay(r.URL)
			start := time.Now()
			_, _, err := dial(t.Context(), "code", 3*time.Second, bad)
			t.Logf("after %v: %v", time.Since(start), err)
			ue, ok := errors.AsType[*meeting.UnreachableError](err)
			if !ok || len(ue.Failures) != 1 || ue.Failures[0].Target != r.URL {
				t.Fatalf("got %T: %v", err, err)
			}
			if !strings.Contains(err.Error(), want[b]) || !strings.Contains(err.Error(), r.URL) {
				t.Errorf("got %v; want %q and the URL", err, want[b])
			}
			// The other way goes on.
			lan, _ := newLAN(t)
			h := startHost(t, "code", lan, bad)
			h.await(t, "lan", isOpen)
			if way, _ := mustDial(t, "code", lan, bad); way != "lan" {
				t.Errorf("met by %s", way)
			}
		})
	}
	for _, b := range relaytest.Tampering {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			r := relaytest.Hostile(t, b)
			bad := meeting.NewRelay(r.URL)
			h := startHost(t, "code", bad)
			h.await(t, "relay", isOpen)
			conn, _, err := dial(t.Context(), "code", 3*time.Second, bad)
			t.Logf("result: %v", err)
			switch {
			case b == relaytest.Delay || b == relaytest.Duplicate || b == relaytest.Drop:
				// A slow relay is no lie, and the stand-in for the handshake reads no further than one message.
				if err == nil {
					conn.Close()
				}
				return
			case err == nil:
				t.Error("met through a relay that tampers")
			default:
				if _, ok := errors.AsType[*meeting.NobodyError](err); !ok {
					t.Errorf("got %T: %v", err, err)
				}
			}
			lan, _ := newLAN(t)
			h2 := startHost(t, "code", lan, bad)
			h2.await(t, "lan", isOpen)
			mustDial(t, "code", lan, bad)
		})
	}
}

func TestMalformedRelayURLIsAFailureOfTheWay(t *testing.T) {
	t.Parallel()
	bad := meeting.NewRelay("ftp://relay.example.org")
	_, _, err := dial(t.Context(), "code", 0, bad)
	ue, ok := errors.AsType[*meeting.UnreachableError](err)
	if !ok || !strings.Contains(ue.Error(), "scheme is ftp") {
		t.Errorf("got %T %v", err, err)
	}
	h := startHost(t, "code", bad)
	if s := h.await(t, "relay", isFailing); !strings.Contains(s.Err.Error(), "scheme is ftp") {
		t.Errorf("the host reports %v", s.Err)
	}
}

// A relay that is down is said to be so soon, not at the end of the round.
func TestRelayDown(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	r.Close()
	start := time.Now()
	_, _, err := dial(t.Context(), "code", 0, meeting.NewRelay(r.URL))
	took := time.Since(start)
	if _, ok := errors.AsType[*meeting.UnreachableError](err); !ok || !strings.Contains(err.Error(), "refused") || took > 5*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
}

func TestRelayBusy(t *testing.T) {
	t.Parallel()
	r := relaytest.NewWith(t, relay.Config{RequestBurst: 1, RequestRate: 0.01})
	way := meeting.NewRelay(r.URL)
	h := startHost(t, "code", way)
	h.await(t, "relay", isOpen)
	_, _, err := dial(t.Context(), "code", time.Second, way)
	if _, ok := errors.AsType[*meeting.UnreachableError](err); !ok || !strings.Contains(err.Error(), "busy: 429") {
		t.Errorf("got %v", err)
	}
}

// What is handed out behaves as a net.Conn must.
func TestRelayConnDeadlines(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	way := meeting.NewRelay(r.URL)
	h := startHost(t, "code", way)
	h.await(t, "relay", isOpen)
	conn, _, err := dial(t.Context(), "code", 0, way)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	start := time.Now()
	_, err = conn.Read(make([]byte, 1))
	if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) > time.Second {
		t.Errorf("reading past the deadline: %v after %v", err, time.Since(start))
	}
	if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() {
		t.Errorf("%v is no timeout", err)
	}
	start = time.Now()
	conn.Close()
	conn.Close()
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("closing took %v", took)
	}
}
