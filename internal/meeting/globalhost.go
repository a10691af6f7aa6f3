package meeting

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// relayPatience is how long the first announcement waits for a relay.
	relayPatience = 1500 * time.Millisecond
	// otherRelaysPatience is how long it waits for the others once we are at one.
	otherRelaysPatience = 300 * time.Millisecond
	// lookAround is how often the addresses of the interfaces are looked up.
	lookAround = 5 * time.Second
)

// Host announces the place's identity and waits for guests, directly and at relays, until ctx ends. Once it has been
// announced somewhere, it does not give up. Before that, it fails if no server takes the announcement.
func (g *Global) Host(ctx context.Context, place Place, open func(degraded error), accept func(net.Conn)) error {
	if g.problem != nil {
		return &retryAfterError{g.problem, maxRetryAfter} // it will not get better
	}
	id, err := newGlobalIdentity(place.Secret)
	if err != nil {
		return err
	}
	ln, err := g.listen(ctx)
	if err != nil {
		return fmt.Errorf("listening for guests: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	h := &globalHosting{
		global: g, id: id, accept: accept, open: open, fail: cancel,
		port:      uint16(ln.Addr().(*net.TCPAddr).Port),
		changed:   make(chan struct{}),
		relayed:   make([]relayState, len(g.relays)),
		announced: make([]announceState, len(g.servers)),
	}
	for _, s := range g.servers {
		h.loopback = h.loopback || isLoopbackURL(s.url)
	}
	h.lookAround()
	var workers sync.WaitGroup
	workers.Go(func() { cancel(acceptAll(ctx, ln, accept)) })
	workers.Go(func() { h.watchInterfaces(ctx) })
	for i, s := range g.relays {
		workers.Go(func() { h.stayAtRelay(ctx, i, s) })
	}
	for i, s := range g.servers {
		if !s.noAnnounce {
			workers.Go(func() { h.announce(ctx, i, s) })
		}
	}
	if !h.announces() {
		cancel(errors.New("no discovery server that takes announcements is configured"))
	}
	<-ctx.Done()
	ln.Close()
	workers.Wait()
	return context.Cause(ctx)
}

func (g *Global) listen(ctx context.Context) (net.Listener, error) {
	if g.cfg.Port == 0 {
		return listenTCP(ctx, GlobalPort)
	}
	return listenTCP(ctx, g.cfg.Port)
}

type globalHosting struct {
	global   *Global
	id       globalIdentity
	accept   func(net.Conn)
	port     uint16
	loopback bool // a discovery server is on this machine

	mu        sync.Mutex
	open      func(error)
	fail      context.CancelCauseFunc
	changed   chan struct{} // closed and replaced with every change of the addresses or of the relays
	own       []string
	local     []netip.Addr // all that this machine has
	relayed   []relayState
	announced []announceState
	opened    bool
	told      string
}

// A relayState is how one of the relays is doing.
type relayState struct {
	at  string // its address, when joined
	err error  // why it could not be joined the last time
}

// An announceState is how one of the servers took the last announcement.
type announceState struct {
	known bool
	ever  bool
	err   error
}

func (h *globalHosting) announces() bool {
	return slices.ContainsFunc(h.global.servers, func(s *discoveryServer) bool { return !s.noAnnounce })
}

// notify wakes who waits for a change. h.mu is held.
func (h *globalHosting) notify() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// addresses returns where guests can find us now, and what tells of the next change.
func (h *globalHosting) addresses() (all []string, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all = slices.Clone(h.own)
	for _, r := range h.relayed {
		if r.at != "" {
			all = append(all, r.at)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), h.changed
}

// relays reports whether we are at a relay, and whether there is one of which it is not known yet.
func (h *globalHosting) relays() (joined, missing bool, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.relayed {
		joined = joined || r.at != ""
		missing = missing || r.at == "" && r.err == nil
	}
	return joined, missing, h.changed
}

func (h *globalHosting) setRelay(i int, at string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.relayed[i] = relayState{at, err}
	h.notify()
	h.tell()
}

// lookAround looks up the addresses of the interfaces.
func (h *globalHosting) lookAround() {
	links, _ := findLinks(h.global.cfg.Interfaces) // none while the network is away
	own := ownAddresses(h.port, links, h.loopback)
	var local []netip.Addr
	for _, l := range links {
		for _, p := range l.prefixes {
			local = append(local, p.Addr())
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(own, h.own) || !slices.Equal(local, h.local) {
		h.own, h.local = own, local
		h.notify()
	}
}

func (h *globalHosting) watchInterfaces(ctx context.Context) {
	for ctx.Err() == nil {
		sleep(ctx, lookAround)
		h.lookAround()
	}
}

// setAnnounced notes how a server took an announcement. The way is open from the first success on; it fails if all
// refuse before that.
func (h *globalHosting) setAnnounced(i int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.announced[i] = announceState{known: true, ever: h.announced[i].ever || err == nil, err: err}
	if err == nil && !h.opened {
		h.opened = true
		h.global.succeeded()
	}
	if h.opened {
		h.tell()
		return
	}
	var problems []error
	wait := maxDiscoveryWait
	for i, s := range h.global.servers {
		if a := h.announced[i]; a.known {
			problems = append(problems, named(s.name, h.global.Target(), a.err))
			wait = min(wait, retryDelay(a.err, 0))
		} else if !s.noAnnounce {
			return
		}
	}
	h.fail(&retryAfterError{joinProblems(problems...), max(wait, h.global.failed())})
}

// tell says that guests can find us, and what does not work as it should. h.mu is held.
func (h *globalHosting) tell() {
	if !h.opened {
		return
	}
	var problems []error
	working := false
	for i, s := range h.global.servers {
		switch a := h.announced[i]; {
		case a.known && a.err != nil:
			problems = append(problems, named(s.name, h.global.Target(), a.err))
		case a.known:
			working = true
		}
	}
	if working {
		problems = nil // a guest asks all of them
	}
	joined := false
	var relayProblems []error
	for i, s := range h.global.relays {
		r := h.relayed[i]
		joined = joined || r.at != ""
		if r.err != nil {
			relayProblems = append(relayProblems, fmt.Errorf("relay of Syncthing %s: %w", s.name, r.err))
		}
	}
	if !joined {
		problems = append(problems, relayProblems...)
	}
	degraded := joinProblems(problems...)
	if text := errorText(degraded); h.told == "" || text != h.told[1:] {
		h.told = "!" + text
		h.open(degraded)
	}
}
