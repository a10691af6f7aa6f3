package meeting

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// lookupAt is when a guest asks the servers, from the start of its search. The host may be announcing itself just now.
var lookupAt = []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 7 * time.Second}

const (
	// maxGlobalCandidates bounds the addresses that are tried of what one server says.
	maxGlobalCandidates = 32
	// relayDelay is how much later relays are tried when there are direct addresses: they are lent by volunteers.
	relayDelay = 200 * time.Millisecond
	// directTimeout bounds connecting directly.
	directTimeout = 4 * time.Second
)

// Dial looks the host up at all servers at once, a few times, and tries all addresses that they know at once. It returns
// nil if at least one server could be asked.
func (g *Global) Dial(ctx context.Context, place Place, offer func(ctx context.Context, conn net.Conn)) error {
	if g.problem != nil {
		return g.problem
	}
	id, err := newGlobalIdentity(place.Secret)
	if err != nil {
		return err
	}
	self, err := newThrowawayIdentity()
	if err != nil {
		return err
	}
	d := &globalDialling{host: id.id, self: self, offer: offer, trying: make(map[string]bool)}
	errs := make([]error, len(g.servers))
	asked := false
	var asking sync.WaitGroup
	for i, s := range g.servers {
		if s.noLookup {
			continue
		}
		asked = true
		asking.Go(func() { errs[i] = d.ask(ctx, s) })
	}
	asking.Wait()
	d.tries.Wait()
	if !asked {
		return errors.New("no discovery server that can be asked is configured")
	}
	var problems []error
	for i, s := range g.servers {
		switch {
		case s.noLookup:
		case errs[i] == nil:
			return nil
		default:
			problems = append(problems, named(s.name, g.Target(), errs[i]))
		}
	}
	return joinProblems(problems...)
}

type globalDialling struct {
	host  deviceID
	self  globalIdentity
	offer func(ctx context.Context, conn net.Conn)
	tries sync.WaitGroup

	mu     sync.Mutex
	trying map[string]bool // candidates that are being tried now
}

// ask looks the host up at one server, and has what it says tried. It returns nil if the server could be asked.
func (d *globalDialling) ask(ctx context.Context, s *discoveryServer) error {
	client, done := s.client()
	defer done()
	began := time.Now()
	looked := false
	var problem error
	seen := make(map[string]bool) // what this server has named, within its bound
	for _, at := range lookupAt {
		sleep(ctx, time.Until(began.Add(at)))
		if ctx.Err() != nil {
			break
		}
		addresses, err := s.lookup(ctx, client, d.host)
		switch {
		case err == nil:
			looked = true
			d.found(ctx, candidates(addresses, isLoopbackURL(s.url), seen), isLoopbackURL(s.url))
			continue
		case ctx.Err() != nil:
			// It was given no time to answer in the end; what it said before counts.
			if problem == nil {
				problem = err
			}
			continue
		}
		problem = err
		// What does not get better, or not while we look, is not asked again.
		if errors.Is(err, errPermanent) {
			break
		}
		deadline, ok := ctx.Deadline()
		if wait := retryDelay(err, 0); ok && time.Now().Add(wait).After(deadline) {
			break
		} else if wait > 0 {
			sleep(ctx, wait)
		}
	}
	switch {
	case looked:
		return nil
	case problem == nil:
		return errors.New("no time to ask")
	}
	return problem
}

// candidates returns what is worth trying of an answer. seen is what the server has named so far.
func candidates(addresses []string, loopback bool, seen map[string]bool) []globalCandidate {
	var out []globalCandidate
	for _, a := range addresses {
		c, ok := parseGlobalCandidate(a, loopback)
		if !ok {
			continue
		}
		if key := c.String(); !seen[key] {
			if len(seen) >= maxGlobalCandidates {
				continue
			}
			seen[key] = true
		}
		out = append(out, c)
	}
	return out
}

// found has candidates tried that are not being tried already.
func (d *globalDialling) found(ctx context.Context, all []globalCandidate, loopback bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var delay time.Duration
	for _, c := range all {
		if c.direct.IsValid() {
			delay = relayDelay
		}
	}
	for _, c := range all {
		key := c.String()
		if d.trying[key] {
			continue
		}
		d.trying[key] = true
		d.tries.Go(func() {
			if c.direct.IsValid() {
				d.tryDirect(ctx, c, loopback)
			} else {
				sleep(ctx, delay)
				d.tryRelay(ctx, c, loopback)
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			delete(d.trying, key)
		})
	}
}

func (d *globalDialling) tryDirect(ctx context.Context, c globalCandidate, loopback bool) {
	connectCtx, cancel := context.WithTimeout(ctx, directTimeout)
	defer cancel()
	conn, err := guardedDialer(loopback).DialContext(connectCtx, "tcp", c.direct.String())
	if err == nil {
		// The end of the look-up does not end a try: see Way.
		d.offer(context.WithoutCancel(ctx), conn)
	}
}

// relayPauses is how long a guest waits before each time it asks a relay for a session, as long as no session has been
// answered and none has failed.
var relayPauses = []time.Duration{0, 700 * time.Millisecond, 1300 * time.Millisecond, 2 * time.Second, 3 * time.Second}

// tryRelay tries a relay. It begins anew while an earlier try goes on without a word from the host: when both sides join a
// session in the same moment, a relay may refuse the host and leave the guest waiting.
func (d *globalDialling) tryRelay(ctx context.Context, c globalCandidate, loopback bool) {
	ctx, settle := context.WithCancel(ctx) // ends when no further try makes sense
	defer settle()
	refused := make(chan struct{}, len(relayPauses))
	var tries sync.WaitGroup
	defer tries.Wait()
	for _, pause := range relayPauses {
		select {
		case <-time.After(pause):
		case <-refused:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
		tries.Go(func() {
			conn, err := meetAtSyncRelay(ctx, c.relay, d.host, d.self, loopback)
			switch {
			case err == nil:
				d.offer(context.WithoutCancel(ctx), &heardConn{Conn: conn, heard: settle})
			case errors.Is(err, errNotAtSyncRelay):
				settle()
			case errors.Is(err, errAlreadyThere):
				refused <- struct{}{}
			}
		})
	}
}

// A heardConn tells of the first that is heard on it.
type heardConn struct {
	net.Conn
	heard func()
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard()
	}
	return n, err
}
