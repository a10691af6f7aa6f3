package meeting_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/relay/relaytest"
)

// A fakeWay does what a test wants.
type fakeWay struct {
	name string
	host func(ctx context.Context, open func(error), accept func(net.Conn)) error
	dial func(ctx context.Context, offer func(context.Context, net.Conn)) error
}

func (w *fakeWay) Name() string   { return w.name }
func (w *fakeWay) Target() string { return "" }
func (w *fakeWay) Host(ctx context.Context, _ meeting.Place, open func(error), accept func(net.Conn)) error {
	return w.host(ctx, open, accept)
}
func (w *fakeWay) Dial(ctx context.Context, _ meeting.Place, offer func(context.Context, net.Conn)) error {
	return w.dial(ctx, offer)
}

func looksInVain(ctx context.Context, _ func(context.Context, net.Conn)) error {
	<-ctx.Done()
	return nil
}

func cannotLook(context.Context, func(context.Context, net.Conn)) error {
	return errors.New("no network")
}

func TestWhatDialSaysWhenNobodyIsFound(t *testing.T) {
	t.Parallel()
	liar := func(ctx context.Context, offer func(context.Context, net.Conn)) error {
		for range 3 {
			a, b := net.Pipe()
			b.Close()
			offer(ctx, a)
		}
		return nil
	}
	for _, tt := range []struct {
		name        string
		ways        []meeting.Way
		unreachable bool
		text        string
	}{
		{"all looked", []meeting.Way{&fakeWay{name: "a", dial: looksInVain}, &fakeWay{name: "b", dial: looksInVain}},
			false, "nobody is waiting under this code (looked by a and b)"},
		{"one could not look", []meeting.Way{&fakeWay{name: "a", dial: looksInVain}, &fakeWay{name: "b", dial: cannotLook}},
			true, "no way to reach the other side: b: no network; nobody found by a"},
		{"none could look", []meeting.Way{&fakeWay{name: "a", dial: cannotLook}, &fakeWay{name: "b", dial: cannotLook}},
			true, "no way to reach the other side: a: no network; b: no network"},
		{"liars", []meeting.Way{&fakeWay{name: "a", dial: liar}}, false, "3 answered and were not the one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := dial(t.Context(), "code", 50*time.Millisecond, tt.ways...)
			_, unreachable := errors.AsType[*meeting.UnreachableError](err)
			_, nobody := errors.AsType[*meeting.NobodyError](err)
			if unreachable != tt.unreachable || nobody == tt.unreachable || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Errorf("got %T: %v", err, err)
			}
		})
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := dial(ctx, "code", time.Hour, &fakeWay{name: "a", dial: looksInVain})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "by a") {
		t.Errorf("got %v", err)
	}
}

// A try that is under way when the round ends may still win.
func TestDialLetsTheLastTryFinish(t *testing.T) {
	t.Parallel()
	way := &fakeWay{name: "a", dial: func(ctx context.Context, offer func(context.Context, net.Conn)) error {
		a, _ := net.Pipe()
		offer(context.WithoutCancel(ctx), a)
		return nil
	}}
	const round = 20 * time.Millisecond
	_, _, err := meeting.Dial(t.Context(), []meeting.Way{way}, placeOf("code"), meeting.DialOptions{Round: round},
		func(ctx context.Context, _ string, conn net.Conn) (int, error) {
			select {
			case <-time.After(5 * round):
				return 0, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		})
	if err != nil {
		t.Error(err)
	}
}

// The first to win ends the others, also one that wins as well, and their connections.
func TestDialHasOneWinner(t *testing.T) {
	t.Parallel()
	const ways = 8
	var all []meeting.Way
	ends := make(chan net.Conn, ways)
	for i := range ways {
		all = append(all, &fakeWay{name: fmt.Sprint(i), dial: func(ctx context.Context, offer func(context.Context, net.Conn)) error {
			a, b := net.Pipe()
			ends <- b
			offer(context.WithoutCancel(ctx), a)
			return ctx.Err()
		}})
	}
	conn, _, err := meeting.Dial(t.Context(), all, placeOf("code"), meeting.DialOptions{},
		func(_ context.Context, _ string, conn net.Conn) (net.Conn, error) { return conn, nil })
	if err != nil {
		t.Fatal(err)
	}
	go conn.Write([]byte("x"))
	alive := 0
	for range ways {
		end := <-ends
		end.SetDeadline(time.Now().Add(5 * time.Second))
		if n, _ := end.Read(make([]byte, 1)); n == 1 {
			alive++
		}
	}
	if alive != 1 {
		t.Errorf("%d connections are open, want 1", alive)
	}
}

func TestBothWaysAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name               string
		lanHost, relayHost bool
		want               string
	}{
		{"both", true, true, ""}, {"lan only", true, false, "lan"}, {"relay only", false, true, "relay"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := checkGoroutines(t)
			r := relaytest.New(t)
			lan, _ := newLAN(t)
			relay := meeting.NewRelay(r.URL)
			var ways []meeting.Way
			if tt.lanHost {
				ways = append(ways, lan)
			}
			if tt.relayHost {
				ways = append(ways, relay)
			}
			h := startHost(t, "code", ways...)
			for _, w := range ways {
				h.await(t, w.Name(), isOpen)
			}
			for range 3 {
				way, took := mustDial(t, "code", lan, relay)
				t.Logf("met by %s in %v", way, took)
				if tt.want != "" && way != tt.want {
					t.Errorf("met by %s, want %s", way, tt.want)
				}
			}
			_, _, err := dial(t.Context(), "other code", 300*time.Millisecond, lan, relay)
			if _, ok := errors.AsType[*meeting.NobodyError](err); !ok {
				t.Errorf("looking for nobody: %T %v", err, err)
			}
			h.stop()
			r.Close()
			check()
		})
	}
}
