package meeting_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/meeting"
)

// placeOf returns the place of a code.
func placeOf(code string) meeting.Place {
	secret := sha256.Sum256([]byte(code))
	label := sha256.Sum256(append([]byte("botsync/meet/1"), secret[:]...))
	return meeting.Place{Label: meeting.Label(hex.EncodeToString(label[:])), Secret: secret}
}

// loopback returns only the loopback interface.
func loopback() ([]net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, ifi := range all {
		if ifi.Flags&net.FlagLoopback != 0 {
			return []net.Interface{ifi}, nil
		}
	}
	return nil, errors.New("no loopback interface")
}

// newLAN returns the lan way on the loopback interface, on a port of the test's own.
func newLAN(t testing.TB) (*meeting.LAN, int) {
	t.Helper()
	c, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	port := c.LocalAddr().(*net.UDPAddr).Port
	return meeting.NewLAN(meeting.LANConfig{Port: port, Interfaces: loopback}), port
}

// greet is a stand-in for the handshake: the guest says the code, the host says it back in capitals. A relay
// that changes anything is noticed.
func greetHost(ctx context.Context, conn net.Conn, code string) error {
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, code); err != nil {
		return err
	}
	buf := make([]byte, len(code))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return err
	}
	if string(buf) != strings.ToUpper(code) {
		return errors.New("not the host")
	}
	return conn.SetDeadline(time.Time{})
}

func greetGuest(conn net.Conn, code string) error {
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, len(code))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return err
	}
	if string(buf) != code {
		return errors.New("not the guest")
	}
	if !meeting.Authenticated(conn) {
		return net.ErrClosed
	}
	if _, err := io.WriteString(conn, strings.ToUpper(code)); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

// serveGreeting is for a host of the code "code".
func serveGreeting(_ context.Context, _ string, conn net.Conn) {
	if greetGuest(conn, "code") == nil {
		io.Copy(conn, conn)
	}
}

// A testHost waits for guests of a code, and echoes what they say after the greeting.
type testHost struct {
	met  chan string // the way of every guest that passed the greeting
	stop func()      // returns when the Host has

	mu      sync.Mutex
	states  map[string]meeting.State // the present ones, by way
	changed chan struct{}            // closed and replaced with every change
}

func (h *testHost) report(s meeting.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states[s.Way] = s
	close(h.changed)
	h.changed = make(chan struct{})
}

func startHost(t testing.TB, code string, ways ...meeting.Way) *testHost {
	t.Helper()
	h := &testHost{met: make(chan string, 1000), states: make(map[string]meeting.State), changed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- meeting.Host(ctx, ways, placeOf(code), meeting.HostOptions{Report: h.report},
			func(ctx context.Context, way string, conn net.Conn) {
				if greetGuest(conn, code) == nil {
					h.met <- way
					io.Copy(conn, conn)
				}
			})
	}()
	h.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Host returned %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Host does not return after its context's end")
		}
	})
	t.Cleanup(h.stop)
	return h
}

// await waits until the state of a way is as expected.
func (h *testHost) await(t testing.TB, way string, ok func(meeting.State) bool) meeting.State {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		h.mu.Lock()
		s, known := h.states[way]
		changed := h.changed
		h.mu.Unlock()
		if known && ok(s) {
			return s
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("the %s way does not become what was expected: it is %+v", way, s)
		}
	}
}

func isOpen(s meeting.State) bool    { return s.Open }
func isFailing(s meeting.State) bool { return !s.Open && s.Err != nil }

// dial looks for the host of a code.
func dial(ctx context.Context, code string, round time.Duration, ways ...meeting.Way) (net.Conn, string, error) {
	return meeting.Dial(ctx, ways, placeOf(code), meeting.DialOptions{Round: round},
		func(ctx context.Context, _ string, conn net.Conn) (net.Conn, error) {
			if err := greetHost(ctx, conn, code); err != nil {
				return nil, err
			}
			return conn, nil
		})
}

// mustDial looks for the host and checks that the connection works.
func mustDial(t testing.TB, code string, ways ...meeting.Way) (way string, took time.Duration) {
	t.Helper()
	start := time.Now()
	conn, way, err := dial(context.Background(), code, 0, ways...)
	if err != nil {
		t.Fatalf("dialling: %v", err)
	}
	took = time.Since(start)
	defer conn.Close()
	if err := echo(conn, "still alive after the look-up"); err != nil {
		t.Fatalf("using the connection that has won: %v", err)
	}
	return way, took
}

func echo(conn net.Conn, s string) error {
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, s); err != nil {
		return err
	}
	buf := make([]byte, len(s))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return err
	}
	if string(buf) != s {
		return fmt.Errorf("got %q back for %q", buf, s)
	}
	return nil
}

// checkGoroutines returns a check that nothing that was started since still runs. For tests that run alone.
func checkGoroutines(t testing.TB) func() {
	before := runtime.NumGoroutine()
	return func() {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				buf := make([]byte, 1<<20)
				t.Fatalf("%d goroutines at the start, %d left:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
			}
		}
	}
}
