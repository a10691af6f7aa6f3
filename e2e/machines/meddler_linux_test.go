package machines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/botsync/botsync/internal/relay"
)

// A direction is one of those in which a relay carries bytes.
type direction string

const (
	toHost  direction = "to host"
	toGuest direction = "to guest"
)

// A point is a place in the conversation of a pairing: the n-th piece, from 0, in
// one direction. The guest says e, Hello, Ack; the host says e, Welcome, Done.
type point struct {
	to direction
	n  int
}

func (p point) String() string {
	names := map[direction][]string{toHost: {"guest's key", "Hello", "Ack"}, toGuest: {"host's key", "Welcome", "Done"}}
	if p.n < len(names[p.to]) {
		return names[p.to][p.n]
	}
	return fmt.Sprintf("%s %d", p.to, p.n)
}

// points are all points of a pairing, in their order.
var points = []point{{toHost, 0}, {toGuest, 0}, {toHost, 1}, {toGuest, 1}, {toHost, 2}, {toGuest, 2}}

// A piece is what one side sent at once.
type piece struct {
	point
	meeting int // 0 for the first guest that met a host
	data    []byte
}

// A meddler decides what arrives in place of a piece. It may take its time. With
// cut the meeting ends, after that.
type meddler func(p piece) (instead [][]byte, cut bool)

func honest(p piece) ([][]byte, bool) { return [][]byte{p.data}, false }

// A meddlingRelay is a relay that keeps the contract, but for what it does to the
// bytes that it carries.
type meddlingRelay struct {
	relay.Store

	mu       sync.Mutex
	meddle   meddler
	divert   func(label string) string       // what label to join a guest with
	replace  func(relay.Stream) relay.Stream // what to join it with instead
	meetings int
	seen     map[point]int
}

// startMeddler runs a meddling relay on the machine. It ends with the test.
func (m *machine) startMeddler(meddle meddler) *meddlingRelay {
	m.t.Helper()
	r := &meddlingRelay{Store: relay.NewMemory(1000), meddle: meddle, seen: map[point]int{}}
	ln := m.listen(relayPort)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- relay.New(relay.Config{Store: r, MaxBytes: 4 << 30}).Serve(ctx, ln)
	}()
	m.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			m.t.Errorf("relay: %v", err)
		}
	})
	return r
}

// become changes what the relay does.
func (r *meddlingRelay) become(meddle meddler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.meddle, r.divert, r.replace = meddle, nil, nil
}

// divertTo joins guests with the host of another label from now on.
func (r *meddlingRelay) divertTo(divert func(label string) string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.divert = divert
}

// replaceBy joins guests with something else from now on.
func (r *meddlingRelay) replaceBy(replace func(relay.Stream) relay.Stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replace = replace
}

// count says how many pieces came to a point.
func (r *meddlingRelay) count(p point) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[p]
}

func (r *meddlingRelay) Join(ctx context.Context, label string) (relay.Stream, error) {
	r.mu.Lock()
	divert, replace := r.divert, r.replace
	r.mu.Unlock()
	if divert != nil {
		label = divert(label)
	}
	stream, err := r.Store.Join(ctx, label)
	if err != nil {
		return nil, err
	}
	if replace != nil {
		return replace(stream), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &meddledStream{Stream: stream, relay: r, meeting: r.meetings}
	r.meetings++
	return s, nil
}

// A meddledStream is the guest's end of a meeting.
type meddledStream struct {
	relay.Stream
	relay       *meddlingRelay
	meeting     int
	wrote, read int
	rest        bytes.Buffer // changed and not yet read
}

var errCut = errors.New("cut")

func (s *meddledStream) pass(to direction, n *int, data []byte) ([][]byte, bool) {
	p := piece{point{to, *n}, s.meeting, bytes.Clone(data)}
	*n++
	s.relay.mu.Lock()
	s.relay.seen[p.point]++
	meddle := s.relay.meddle
	s.relay.mu.Unlock()
	return meddle(p)
}

func (s *meddledStream) Write(b []byte) (int, error) {
	instead, cut := s.pass(toHost, &s.wrote, b)
	for _, p := range instead {
		if _, err := s.Stream.Write(p); err != nil {
			return 0, err
		}
	}
	if cut {
		s.Stream.Close()
		return 0, errCut
	}
	return len(b), nil
}

func (s *meddledStream) Read(b []byte) (int, error) {
	for s.rest.Len() == 0 {
		n, err := s.Stream.Read(b)
		if err != nil {
			return 0, err
		}
		instead, cut := s.pass(toGuest, &s.read, b[:n])
		for _, p := range instead {
			s.rest.Write(p)
		}
		if cut {
			s.Stream.Close() // the next read says so
			if s.rest.Len() == 0 {
				return 0, errCut
			}
		}
	}
	return s.rest.Read(b)
}
