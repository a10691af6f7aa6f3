package engine

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/discover"
	"github.com/syncthing/syncthing/lib/protocol"
)

const (
	// seekDelay is how long a peer whose addresses are known is dialled at those
	// alone: a discovery server that is asked before the peer has announced itself
	// there does not want to be asked again for a minute, or for an hour.
	seekDelay = 10 * time.Second
	// seekInterval is how often discovery is asked for a peer that is not
	// connected directly. It remembers its answers for longer itself.
	seekInterval = 30 * time.Second
	// promptRounds is how many rounds of dialling are for a prompt connection alone:
	// a relay refuses two devices that call each other at the same moment.
	promptRounds = 3
	// seekLimit is how many peers are looked up at the same time.
	seekLimit = 4
)

// finder tells Syncthing where to dial the peers: at the addresses that were
// exchanged with them, and at those that discovery has.
//
// Syncthing asks discovery before it dials, and waits up to 30 seconds for a
// server that does not answer. It dials by kind: TCP, then QUIC, then relays,
// with ten seconds for each where packets are dropped. Either would keep two
// devices apart for half a minute that have a relay in common and could use it
// at once. So discovery is asked in the background, and direct addresses are
// tried for a moment before Syncthing hears of them: for the first connection it
// gets those that answer, and relays. Once connected it gets all, to find a
// better way.
type finder struct {
	discover.Finder // asked in the background

	// answers reports whether the device answers at an address.
	answers func(ctx context.Context, address string, id protocol.DeviceID) bool
	// redial makes Syncthing dial a peer at addresses that it has not tried yet.
	redial func(protocol.DeviceID) error
	// link says how a peer is connected now.
	link func(protocol.DeviceID) link
	// own reports whether an address is one of this device: in another home a peer
	// may have the same.
	own func(address string) bool

	mu    sync.Mutex
	peers map[protocol.DeviceID]*whereabouts
	wake  chan struct{} // something is due
}

// whereabouts is what the finder knows of a peer.
type whereabouts struct {
	known, found []string  // addresses that were exchanged, and those of discovery
	rounds       int       // of dialling since it was connected
	due          time.Time // to ask discovery; zero while it is being asked
	redial       bool      // there is something new to dial
}

// link is how a peer is connected.
type link int

const (
	unlinked link = iota
	relayed
	direct
)

// set says who the peers are.
func (f *finder) set(peers []Peer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.peers
	f.peers = make(map[protocol.DeviceID]*whereabouts, len(peers))
	for _, p := range peers {
		id, err := protocol.DeviceIDFromString(p.ID)
		if err != nil {
			continue // configuration has refused it
		}
		known := dialable(p.Addresses)
		w := before[id]
		switch {
		case w == nil:
			w = &whereabouts{due: time.Now()}
			if len(known) > 0 {
				w.due = w.due.Add(seekDelay)
			}
		case !slices.Equal(w.known, known):
			w.rounds, w.redial = 0, true
		}
		w.known = known
		f.peers[id] = w
	}
	f.rouse()
}

// linked says that a peer was connected or disconnected.
func (f *finder) linked(id protocol.DeviceID) {
	l := f.link(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.peers[id]
	if w == nil {
		return
	}
	w.rounds = 0
	switch {
	case l == relayed:
		w.redial = true // directly, if it can be
	case l == unlinked && !w.due.IsZero():
		w.due = time.Now() // it may be elsewhere
	}
	f.rouse()
}

// rouse never blocks.
func (f *finder) rouse() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Lookup returns where to dial a peer in this round of dialling.
func (f *finder) Lookup(ctx context.Context, id protocol.DeviceID) ([]string, error) {
	f.mu.Lock()
	w := f.peers[id]
	if w == nil {
		f.mu.Unlock()
		return nil, nil
	}
	all := slices.DeleteFunc(slices.Concat(w.known, w.found), f.own)
	round := w.rounds
	w.rounds++
	f.mu.Unlock()

	relays := slices.DeleteFunc(slices.Clone(all), func(a string) bool { return !isRelay(a) })
	if round >= promptRounds || len(relays) == 0 || f.link(id) != unlinked {
		return all, nil
	}
	return append(f.answering(ctx, all, id), relays...), nil
}

// answering returns the addresses of TCP at which the peer answers soon.
func (f *finder) answering(ctx context.Context, addresses []string, id protocol.DeviceID) []string {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	answers := make(chan string)
	tried := 0
	for _, a := range addresses {
		if !strings.HasPrefix(a, "tcp") || tried == answerLimit {
			continue
		}
		tried++
		go func() {
			if !f.answers(ctx, a, id) {
				a = ""
			}
			answers <- a
		}()
	}
	var out []string
	for range tried {
		if a := <-answers; a != "" {
			out = append(out, a)
			cancel() // one is enough
		}
	}
	return out
}

// run asks discovery for peers that are not connected directly, and has them
// dialled where it finds them, until ctx ends.
func (f *finder) run(ctx context.Context) {
	var lookups sync.WaitGroup
	defer lookups.Wait()
	slots := make(chan struct{}, seekLimit)
	for {
		timer := time.NewTimer(seekInterval)
		now := time.Now()
		for id, w := range f.work(now, timer) {
			if w.redial {
				if err := f.redial(id); err != nil && ctx.Err() == nil {
					slog.Error("A peer is not dialled", "error", err)
				}
			}
			if w.due.IsZero() {
				continue
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				timer.Stop()
				return
			}
			lookups.Go(func() {
				defer func() { <-slots }()
				f.ask(ctx, id)
			})
		}
		select {
		case <-f.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// work returns what is to be done now, as whereabouts of which redial and due
// alone are set, and sets the timer for what comes next.
func (f *finder) work(now time.Time, timer *time.Timer) map[protocol.DeviceID]whereabouts {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[protocol.DeviceID]whereabouts{}
	next := now.Add(seekInterval)
	for id, w := range f.peers {
		todo := whereabouts{redial: w.redial}
		w.redial = false
		switch {
		case w.due.IsZero():
		case !w.due.After(now):
			todo.due, w.due = w.due, time.Time{}
		case w.due.Before(next):
			next = w.due
		}
		if todo.redial || !todo.due.IsZero() {
			out[id] = todo
		}
	}
	timer.Reset(next.Sub(now))
	return out
}

// ask looks a peer up through discovery, unless it is connected directly.
func (f *finder) ask(ctx context.Context, id protocol.DeviceID) {
	var addresses []string
	if f.link(id) != direct {
		var err error
		if addresses, err = f.Finder.Lookup(ctx, id); err != nil && ctx.Err() == nil {
			slog.Debug("A peer was not found", "error", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.peers[id]
	if w == nil {
		return
	}
	w.due = time.Now().Add(seekInterval)
	if len(addresses) == 0 {
		return // what was found earlier may still be good
	}
	for _, a := range addresses {
		if !slices.Contains(w.known, a) && !slices.Contains(w.found, a) {
			w.redial, w.rounds = true, 0
		}
	}
	w.found = dialable(addresses)
	f.rouse()
}

func isRelay(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "relay"
}

// redial makes Syncthing look up and dial a peer now. It does so when the list
// of addresses in its configuration changes: so the word that has it ask the
// finder stands there once or twice.
func (e *Engine) redial(id protocol.DeviceID) error {
	e.applying.Lock()
	defer e.applying.Unlock()
	waiter, err := e.cfg.Modify(func(cfg *config.Configuration) {
		dev, i, ok := cfg.Device(id)
		if !ok {
			return
		}
		if dev.Addresses = []string{dynamic}; len(cfg.Devices[i].Addresses) == 1 {
			dev.Addresses = []string{dynamic, dynamic}
		}
		cfg.Devices[i] = dev
	})
	if err != nil {
		return err
	}
	waiter.Wait()
	return nil
}
