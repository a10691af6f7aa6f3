package machines

import (
	"crypto/rand"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/code"
	"github.com/botsync/botsync/internal/pairing"
	"github.com/botsync/botsync/internal/relay"
)

// tricks are what a hostile relay does to one piece.
var tricks = map[string]func(piece) ([][]byte, bool){
	"flips a bit":          func(p piece) ([][]byte, bool) { p.data[len(p.data)/2] ^= 0x10; return [][]byte{p.data}, false },
	"flips the first byte": func(p piece) ([][]byte, bool) { p.data[0] ^= 0xff; return [][]byte{p.data}, false },
	"drops":                func(piece) ([][]byte, bool) { return nil, false },
	"repeats":              func(p piece) ([][]byte, bool) { return [][]byte{p.data, p.data}, false },
	"truncates":            func(p piece) ([][]byte, bool) { return [][]byte{p.data[:len(p.data)-1]}, false },
	"adds noise":           func(p piece) ([][]byte, bool) { return [][]byte{noise(40), p.data}, false },
	"makes up":             func(p piece) ([][]byte, bool) { return [][]byte{noise(len(p.data))}, false },
	"cuts before":          func(piece) ([][]byte, bool) { return nil, true },
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// meeters are two machines that can only meet by a relay, and that relay. Their
// daemons run, with an invite of the host.
type meeters struct {
	host, guest node
	relay       *meddlingRelay
	invite      api.InviteLine
}

const (
	hostsRelay  = "http://10.7.1.1:8080"
	guestsRelay = "http://10.7.2.1:8080"
)

func newMeeters(t *testing.T, meddle meddler) meeters {
	t.Helper()
	router, list := routed(t, "host", "guest")
	m := meeters{host: list[0].node("host"), guest: list[1].node("guest"), relay: router.startMeddler(meddle)}
	m.invite = initBy(m.host, hostsRelay)
	return m
}

// short is long enough for a join that works, on a machine that is not busy.
const short = 2500 * time.Millisecond

// mustFail tries to join for a short while, and fails the test if that works or
// leaves half a device anywhere.
func (m meeters) mustFail(t *testing.T, timeout time.Duration) {
	t.Helper()
	r := joinBy(m.guest, m.invite.Code, guestsRelay, "--timeout", timeout.String())
	if r.Exit != api.ExitTimeout && r.Exit != api.ExitUnreachable && r.Exit != api.ExitCodeUnknown {
		t.Errorf("join: exit %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	mustBeAlone(t, m.host)
	mustBeNobody(t, m.guest)
}

// mustFailUntil tries until something has happened, each time for longer: on a
// busy machine the keys alone can take all the time that a join has.
func (m meeters) mustFailUntil(t *testing.T, what string, happened func() bool) {
	t.Helper()
	timeout := short
	botsynctest.Await(t, what, func() bool {
		m.mustFail(t, timeout)
		timeout = min(2*timeout, 20*time.Second)
		return happened()
	})
}

// mustJoin joins with the code that the relay could not use up.
func (m meeters) mustJoin(t *testing.T) {
	t.Helper()
	if r := joinBy(m.guest, m.invite.Code, guestsRelay); r.Exit != 0 {
		t.Fatalf("the same code by an honest relay: exit %d\n%s", r.Exit, r.Stderr)
	}
	mustHaveEachOther(t, m.host, m.guest)
	exchange(t, m.host, m.guest, "at last")
}

// The pieces that a relay carries are those of the protocol, so that the tests
// below are about each of them.
func TestPiecesOfAPairing(t *testing.T) {
	t.Parallel()
	m := newMeeters(t, honest)
	m.mustJoin(t)
	for _, p := range points {
		if n := m.relay.count(p); n != 1 {
			t.Errorf("%s came %d times", p, n)
		}
	}
	for _, to := range []direction{toHost, toGuest} {
		if n := m.relay.count(point{to, 3}); n != 0 {
			t.Errorf("more pieces %s than known", to)
		}
	}
}

func TestHostileRelay(t *testing.T) {
	t.Parallel()
	for name, trick := range tricks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeeters(t, nil)
			until := len(points) - 1
			if name == "repeats" {
				until = 3 // after that the first copy is what counts
			}
			for _, at := range points[:until] {
				m.relay.become(func(p piece) ([][]byte, bool) {
					if p.point != at {
						return honest(p)
					}
					return trick(p)
				})
				m.mustFailUntil(t, "something to be tampered with at "+at.String(), func() bool { return m.relay.count(at) > 0 })
			}
			m.relay.become(honest)
			m.mustJoin(t)
		})
	}
}

// The host says Done when it has accepted. Whatever a relay does to that, both
// have each other, and the guest finds out by itself.
func TestHostileRelayAfterTheEnd(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"drops", "flips a bit", "cuts before"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeeters(t, func(p piece) ([][]byte, bool) {
				if p.point == points[len(points)-1] {
					return tricks[name](p)
				}
				return honest(p)
			})
			m.mustJoin(t)
		})
	}
}

// A relay that is slow is no obstacle.
func TestSlowRelay(t *testing.T) {
	t.Parallel()
	m := newMeeters(t, func(p piece) ([][]byte, bool) {
		time.Sleep(500 * time.Millisecond) // is what is tested
		return honest(p)
	})
	m.mustJoin(t)
}

// A relay that replays to the host what a guest said once, or to the guest what a
// host said.
func TestReplay(t *testing.T) {
	t.Parallel()
	m := newMeeters(t, nil)
	said := map[point][]byte{}
	var mu sync.Mutex
	m.relay.become(func(p piece) ([][]byte, bool) {
		mu.Lock()
		defer mu.Unlock()
		if p.point == (point{toHost, 2}) {
			return nil, true // so that the invite stays open
		}
		if old, ok := said[p.point]; ok {
			return [][]byte{old}, false
		}
		said[p.point] = p.data
		return honest(p)
	})
	m.mustFailUntil(t, "a second attempt to be answered with the first", func() bool { return m.relay.count(points[1]) > 1 })
	m.relay.become(honest)
	m.mustJoin(t)
}

// A relay that joins the guest with itself, or floods whoever comes.
func TestRelayThatTalksItself(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(relay.Stream) relay.Stream{
		"mirrors":          mirror,
		"floods the guest": func(s relay.Stream) relay.Stream { return &flood{Stream: s} },
		"floods the host": func(s relay.Stream) relay.Stream {
			go func() {
				for {
					if _, err := s.Write(noise(8 << 10)); err != nil {
						return
					}
				}
			}()
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeeters(t, honest)
			var met atomic.Int64
			m.relay.replaceBy(func(s relay.Stream) relay.Stream {
				met.Add(1)
				return replace(s)
			})
			before := peakMemory(t, m.host.PID())
			m.mustFailUntil(t, "a meeting", func() bool { return met.Load() > 0 })
			mustStayBelow(t, m.host.PID(), before, name)
			m.relay.become(honest)
			m.mustJoin(t)
		})
	}
}

func mirror(s relay.Stream) relay.Stream {
	s.Close()
	in, out := net.Pipe()
	return struct {
		io.Reader
		io.WriteCloser
	}{in, out}
}

// A flood gives the guest noise without end.
type flood struct{ relay.Stream }

func (*flood) Read(b []byte) (int, error) { return rand.Read(b) }

// A relay that joins each of two guests with the other one's host.
func TestRelayThatSwapsEnds(t *testing.T) {
	t.Parallel()
	m := newMeeters(t, honest)
	second := m.host.Invite("--relay", hostsRelay)
	first, other := labelOf(t, m.invite.Code), labelOf(t, second.Code)
	m.relay.divertTo(func(label string) string {
		if label == first {
			return other
		}
		return first
	})
	for i, code := range []string{m.invite.Code, second.Code} {
		timeout := short
		botsynctest.Await(t, "a guest to meet the host of another invite", func() bool {
			if r := joinBy(m.guest, code, guestsRelay, "--timeout", timeout.String()); r.Exit == 0 {
				t.Fatal("joined with the host of another invite")
			}
			timeout = min(2*timeout, 20*time.Second)
			mustBeNobody(t, m.guest)
			return m.relay.count(point{toHost, 0}) > i
		})
	}
	if s := m.host.Status(); len(s.Peers) != 0 || len(s.Invites) != 2 {
		t.Errorf("the host has peers %v and invites %v", s.Peers, s.Invites)
	}
	m.relay.become(honest)
	m.mustJoin(t)
}

func labelOf(t *testing.T, words string) string {
	t.Helper()
	c, err := code.Parse(words)
	if err != nil {
		t.Fatal(err)
	}
	return pairing.DeriveKeys(c).Place.Label()
}
