package engine

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncthing/syncthing/lib/discover"
	"github.com/syncthing/syncthing/lib/protocol"
)

const (
	ownAddress    = "tcp://192.168.1.4:22000"
	homeAddress   = "tcp://192.168.1.5:22000"
	publicAddress = "tcp://198.51.100.7:22000"
	quicAddress   = "quic://198.51.100.7:22000"
	relayAddress  = "relay://203.0.113.1:22067/?id=x"
)

// directory stands in for discovery.
type directory struct {
	discover.Finder
	mu    sync.Mutex
	has   []string
	asked []time.Time
}

func (d *directory) Lookup(context.Context, protocol.DeviceID) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, time.Now())
	return d.has, nil
}

func (d *directory) times() []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

// seeker is a finder with one peer, and what it was told.
type seeker struct {
	*finder
	directory *directory
	id        protocol.DeviceID
	mu        sync.Mutex
	now       link
	open      []string
	redials   int
}

func newSeeker(t *testing.T, known ...string) *seeker {
	id, err := protocol.DeviceIDFromString(peerID)
	if err != nil {
		t.Fatal(err)
	}
	s := &seeker{directory: &directory{}, id: id}
	s.finder = &finder{Finder: s.directory, wake: make(chan struct{}, 1),
		answers: func(ctx context.Context, address string, _ protocol.DeviceID) bool {
			s.mu.Lock()
			open := slices.Contains(s.open, address)
			s.mu.Unlock()
			if !open {
				<-ctx.Done() // packets are dropped
			}
			return open
		},
		own:  func(address string) bool { return address == ownAddress },
		link: func(protocol.DeviceID) link { s.mu.Lock(); defer s.mu.Unlock(); return s.now },
		redial: func(protocol.DeviceID) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.redials++
			return nil
		},
	}
	s.set([]Peer{{ID: peerID, Addresses: known}})
	return s
}

func (s *seeker) connect(l link) {
	s.mu.Lock()
	s.now = l
	s.mu.Unlock()
	s.linked(s.id)
}

func (s *seeker) lookup(t *testing.T) []string {
	t.Helper()
	got, err := s.Lookup(t.Context(), s.id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (s *seeker) dialled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.redials
}

// The first round of dialling gets the direct addresses that answer, and relays;
// later ones get all.
func TestWhereToDial(t *testing.T) {
	t.Parallel()
	all := []string{homeAddress, publicAddress, quicAddress, relayAddress}
	tests := map[string]struct {
		known, open []string
		first       []string
		takes       time.Duration
	}{
		"nothing answers":     {known: all, first: []string{relayAddress}, takes: answerPatience},
		"one answers":         {known: all, open: []string{publicAddress}, first: []string{publicAddress, relayAddress}},
		"there is no relay":   {known: all[:3], first: all[:3]},
		"nothing is known":    {},
		"a relay is all":      {known: all[3:], first: all[3:]},
		"its own address":     {known: []string{ownAddress, relayAddress}, open: []string{ownAddress}, first: all[3:]},
		"what is nonsense":    {known: []string{"http://x", "file:///etc/passwd", "\x00", "tcp:", relayAddress}, first: all[3:]},
		"nothing but QUIC":    {known: all[2:], first: all[3:]},
		"an impostor answers": {known: all, open: []string{"tcp://192.168.1.6:22000"}, first: []string{relayAddress}, takes: answerPatience},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSeeker(t, tt.known...)
				s.open = tt.open
				start := time.Now()
				if got := s.lookup(t); !slices.Equal(got, tt.first) {
					t.Errorf("first dialled at %q, want %q", got, tt.first)
				}
				if took := time.Since(start); took != tt.takes {
					t.Errorf("took %v, want %v", took, tt.takes)
				}
				for range promptRounds - 1 {
					if got := s.lookup(t); !slices.Equal(got, tt.first) {
						t.Errorf("then dialled at %q, want %q again", got, tt.first)
					}
				}
				for range 2 {
					if got := s.lookup(t); !slices.Equal(got, slices.DeleteFunc(dialable(tt.known), s.own)) {
						t.Errorf("at last dialled at %q, want all", got)
					}
				}
			})
		})
	}
}

// A connected peer is dialled everywhere, for a better connection; one that was
// lost is first dialled where it answers again.
func TestWhereToDialAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSeeker(t, homeAddress, relayAddress)
		s.lookup(t)
		s.connect(relayed)
		if got := s.lookup(t); len(got) != 2 {
			t.Errorf("relayed, it is dialled at %q", got)
		}
		s.connect(unlinked)
		if got := s.lookup(t); !slices.Equal(got, []string{relayAddress}) {
			t.Errorf("lost, it is dialled at %q", got)
		}
	})
}

// start runs the finder until the returned function is called.
func (s *seeker) start(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.run(ctx) }()
	return func() { cancel(); <-done }
}

// Known addresses are dialled before discovery is asked; a peer without any is
// sought at once. What is found is dialled.
func TestDiscoveryComesSecond(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		known []string
		after time.Duration
	}{{[]string{homeAddress}, seekDelay}, {[]string{"nonsense"}, 0}} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			s := newSeeker(t, tt.known...)
			s.directory.has = []string{publicAddress}
			defer s.start(t)()
			time.Sleep(tt.after + time.Millisecond)
			synctest.Wait()
			asked := s.directory.times()
			if len(asked) != 1 || asked[0].Sub(start) != tt.after {
				t.Fatalf("%q: asked %v, want once after %v", tt.known, asked, tt.after)
			}
			if s.dialled() != 1 || !slices.Contains(s.lookup(t), publicAddress) {
				t.Errorf("%q: dialled %d times, at %q", tt.known, s.dialled(), s.lookup(t))
			}
			// The same answer again is nothing new.
			time.Sleep(2 * seekInterval)
			synctest.Wait()
			if asked := s.directory.times(); len(asked) != 3 || s.dialled() != 1 {
				t.Errorf("%q: asked %v, dialled %d times", tt.known, asked, s.dialled())
			}
		})
	}
}

// Discovery is left alone for peers that are connected directly, and asked at
// once when such a peer is lost.
func TestDiscoveryIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSeeker(t, homeAddress)
		defer s.start(t)()
		s.connect(direct)
		time.Sleep(10 * seekInterval)
		synctest.Wait()
		if asked := s.directory.times(); len(asked) > 0 || s.dialled() > 0 {
			t.Errorf("asked %v, dialled %d times", asked, s.dialled())
		}
		s.connect(unlinked)
		synctest.Wait()
		if asked := s.directory.times(); len(asked) != 1 {
			t.Errorf("asked %v of a peer that was lost", asked)
		}
	})
}

// A peer that is connected through a relay, or has other addresses, is dialled
// at once.
func TestWhatIsNewIsDialled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSeeker(t, homeAddress, relayAddress)
		defer s.start(t)()
		s.connect(relayed)
		synctest.Wait()
		if s.dialled() != 1 {
			t.Errorf("relayed, it is dialled %d times", s.dialled())
		}
		s.set([]Peer{{ID: peerID, Addresses: []string{publicAddress}}})
		synctest.Wait()
		if s.dialled() != 2 {
			t.Errorf("elsewhere, it is dialled %d times", s.dialled())
		}
		s.set(nil)
		if got := s.lookup(t); got != nil {
			t.Errorf("a peer no more, it is dialled at %q", got)
		}
	})
}

// Whether a device answers is told by its certificate.
func TestAnswers(t *testing.T) {
	t.Parallel()
	identity, err := CreateIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	id, err := protocol.DeviceIDFromString(identity.ID)
	if err != nil {
		t.Fatal(err)
	}
	listen := func(serve func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var conns sync.WaitGroup
		conns.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				conns.Go(func() { defer c.Close(); serve(c) })
			}
		})
		t.Cleanup(func() { l.Close(); conns.Wait() })
		return "tcp://" + l.Addr().String()
	}
	device := listen(func(c net.Conn) {
		_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{identity.cert}, NextProtos: []string{bepProtocol}}).Handshake()
	})
	silent := listen(func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); _, _ = c.Read(make([]byte, 1<<20)) })
	rubbish := listen(func(c net.Conn) { _, _ = c.Write(make([]byte, 4096)) })
	if !answers(t.Context(), device, id) {
		t.Error("the device does not answer")
	}
	if answers(t.Context(), device, protocol.DeviceID{1}) {
		t.Error("a device passes for another one")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, address := range []string{silent, rubbish, "tcp://127.0.0.1:1", "tcp://127.0.0.1", "::"} {
		if answers(ctx, address, id) {
			t.Errorf("%s passes for the device", address)
		}
	}
}
