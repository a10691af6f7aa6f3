// Package crowd bounds how many unproven connections are held at a time.
//
// A connection that has not yet shown that it belongs costs memory and a file descriptor, and anyone may
// open thousands. A fixed limit that refuses newcomers would let those who sit and say nothing lock
// everyone else out, so a full crowd works the other way round: the newcomer gets in and the oldest member
// is thrown out, taken from whichever peer holds the most seats. Nobody is thrown out before the grace time,
// in which an honest peer, who speaks at once, has long proved itself and left the crowd.
package crowd

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// A Crowd holds at most a fixed number of seats. K identifies a peer, usually its address.
type Crowd[K comparable] struct {
	max   int
	grace time.Duration

	mu    sync.Mutex
	n     int
	peers map[K]*list.List // of *Seat[K], oldest first; no empty lists
	freed chan struct{}    // has one element when a seat became free
}

// A Seat is one place in a crowd.
type Seat[K comparable] struct {
	crowd *Crowd[K]
	peer  K
	since time.Time
	elem  *list.Element // nil once the seat is given up
	evict func()
}

// New returns a crowd of at most max seats in which nobody is evicted within grace of entering.
func New[K comparable](max int, grace time.Duration) *Crowd[K] {
	return &Crowd[K]{max: max, grace: grace, peers: make(map[K]*list.List), freed: make(chan struct{}, 1)}
}

// Enter takes a seat for a connection of peer. When the crowd is full, someone else is evicted for it, and
// as long as nobody may be evicted yet, Enter waits: for the grace time at most, if it is the only one
// waiting. It returns the context's error if ctx ends first.
//
// evict must end the connection. It is called at most once, from another caller's Enter, and must not block.
func (c *Crowd[K]) Enter(ctx context.Context, peer K, evict func()) (*Seat[K], error) {
	for {
		seat, victim, wait := c.tryEnter(peer, evict)
		if victim != nil {
			victim()
		}
		if seat != nil {
			return seat, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-c.freed:
		case <-ctx.Done():
		}
		timer.Stop()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// tryEnter returns a seat, together with the eviction that made room for it if one was needed, or else how
// long it takes until somebody may be evicted.
func (c *Crowd[K]) tryEnter(peer K, evict func()) (seat *Seat[K], victim func(), wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n >= c.max {
		oldest := c.candidate()
		if age := time.Since(oldest.since); age < c.grace {
			return nil, nil, c.grace - age
		}
		c.remove(oldest)
		victim = oldest.evict
	}
	seat = &Seat[K]{crowd: c, peer: peer, since: time.Now(), evict: evict}
	seats := c.peers[peer]
	if seats == nil {
		seats = list.New()
		c.peers[peer] = seats
	}
	seat.elem = seats.PushBack(seat)
	c.n++
	return seat, victim, 0
}

// candidate returns who would be evicted next: the oldest seat of the peer with the most seats, and
// among peers with equally many, the oldest of all.
func (c *Crowd[K]) candidate() *Seat[K] {
	var best *Seat[K]
	most := 0
	for _, seats := range c.peers {
		oldest := seats.Front().Value.(*Seat[K])
		if seats.Len() > most || seats.Len() == most && oldest.since.Before(best.since) {
			best, most = oldest, seats.Len()
		}
	}
	return best
}

func (c *Crowd[K]) remove(s *Seat[K]) {
	seats := c.peers[s.peer]
	seats.Remove(s.elem)
	s.elem = nil
	if seats.Len() == 0 {
		delete(c.peers, s.peer)
	}
	c.n--
}

// Leave gives the seat up: the connection has ended, or has proved itself and is no longer part of the
// crowd. From then on it is not evicted. Leave reports whether the seat was still held; calling it again
// does nothing.
func (s *Seat[K]) Leave() bool {
	c := s.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.elem == nil {
		return false
	}
	c.remove(s)
	select {
	case c.freed <- struct{}{}:
	default:
	}
	return true
}

// Renew lets the seat count as taken just now, so that its holder is safe for another grace time.
func (s *Seat[K]) Renew() {
	c := s.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.elem != nil {
		s.since = time.Now()
		c.peers[s.peer].MoveToBack(s.elem)
	}
}

// Len returns the number of seats taken.
func (c *Crowd[K]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
