package meeting

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// maxCandidates bounds the addresses that a guest keeps in mind, maxCandidatesEach those of one host, which
	// has a single true one.
	maxCandidates     = 4096
	maxCandidatesEach = 512
	// cooling is how long an address that did not lead to the host is not tried again.
	cooling = time.Second
)

// A pool holds the addresses from which somebody claims to be the host. Most may be lies: it takes turns between
// the machines that claim it, picks at random among the ports of one, and stays small.
type pool struct {
	mu     sync.Mutex
	known  map[netip.AddrPort]claim
	queues map[netip.Addr][]netip.AddrPort // of those that are queued; no empty queues
	turns  []netip.Addr                    // the keys of queues, next one first
	added  chan struct{}                   // has one element after something was queued
}

// A claim is what is known of an address.
type claim struct {
	state claimState
	until time.Time // of cooled
}

type claimState int

const (
	queued claimState = iota
	trying
	cooled
)

func newPool() *pool {
	return &pool{
		known:  make(map[netip.AddrPort]claim),
		queues: make(map[netip.Addr][]netip.AddrPort),
		added:  make(chan struct{}, 1),
	}
}

// add queues an address, unless it is queued, being tried, or was tried just now.
func (p *pool) add(ap netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.known[ap]
	if ok && (c.state != cooled || time.Now().Before(c.until)) {
		return
	}
	queue := p.queues[ap.Addr()]
	switch {
	case len(queue) >= maxCandidatesEach:
		p.drop(queue[rand.IntN(len(queue))])
	case !ok && len(p.known) >= maxCandidates:
		p.dropAny()
	}
	queue = p.queues[ap.Addr()]
	if len(queue) == 0 {
		p.turns = append(p.turns, ap.Addr())
	}
	p.queues[ap.Addr()] = append(queue, ap)
	p.known[ap] = claim{state: queued}
	select {
	case p.added <- struct{}{}:
	default:
	}
}

// dropAny forgets one address that is not being tried. There are fewer of those than the pool holds.
func (p *pool) dropAny() {
	for ap, c := range p.known { // in random order
		switch c.state {
		case cooled:
			delete(p.known, ap)
			return
		case queued:
			p.drop(ap)
			return
		}
	}
}

// drop forgets a queued address.
func (p *pool) drop(ap netip.AddrPort) {
	delete(p.known, ap)
	queue := p.queues[ap.Addr()]
	p.setQueue(ap.Addr(), slices.Delete(queue, slices.Index(queue, ap), slices.Index(queue, ap)+1))
}

func (p *pool) setQueue(addr netip.Addr, queue []netip.AddrPort) {
	if len(queue) > 0 {
		p.queues[addr] = queue
		return
	}
	delete(p.queues, addr)
	i := slices.Index(p.turns, addr)
	p.turns = slices.Delete(p.turns, i, i+1)
}

// next waits for an address to try. Its fate must be told with failed.
func (p *pool) next(ctx context.Context) (netip.AddrPort, error) {
	for {
		if ap, ok := p.take(); ok {
			return ap, nil
		}
		select {
		case <-p.added:
		case <-ctx.Done():
			return netip.AddrPort{}, ctx.Err()
		}
	}
}

func (p *pool) take() (netip.AddrPort, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.turns) == 0 {
		return netip.AddrPort{}, false
	}
	addr := p.turns[0]
	p.turns = append(p.turns[1:], addr)
	queue := p.queues[addr]
	i := rand.IntN(len(queue))
	ap := queue[i]
	queue[i] = queue[len(queue)-1]
	p.setQueue(addr, queue[:len(queue)-1])
	p.known[ap] = claim{state: trying}
	return ap, true
}

// failed says that the address did not lead to the host.
func (p *pool) failed(ap netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known[ap] = claim{state: cooled, until: time.Now().Add(cooling)}
}
