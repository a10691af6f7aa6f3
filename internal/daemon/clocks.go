package daemon

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/botsync/botsync/internal/doctor"
	"github.com/botsync/botsync/internal/network"
)

const (
	// clockPatience is how long peers are given to say what time they have, and
	// clockAsks for how long what this device asked is worth an answer.
	clockPatience = 2 * time.Second
	clockAsks     = 3 * time.Second
	// clockFresh is how long an answer counts, and is not asked for again.
	clockFresh = 10 * time.Second
	// A member could ask without end.
	clockAnswers = 5 * time.Second // between two answers
	clockBurst   = 5
	clockSaid    = 4 // of this device's questions that an answer can be to
)

// clocks compares the clock of this device to those of its peers, when somebody
// asks: each writes what time it has, and what it saw of the others, to a file of its
// own among the device records. See [network.Bounds].
type clocks struct {
	limit *rate.Limiter

	mu      sync.Mutex
	begun   bool // the files that were there at the start have been looked at
	said    []network.Clock
	heard   map[string]network.Heard // of peers, by device ID
	offsets map[string]clockOffset
}

type clockOffset struct {
	doctor.Offset
	version string
	at      time.Time
}

func newClocks() clocks {
	return clocks{limit: rate.NewLimiter(rate.Every(clockAnswers), clockBurst), heard: map[string]network.Heard{}, offsets: map[string]clockOffset{}}
}

// take takes up what the files of the peers said at the moment seen. It reports
// whether one of them is a question.
func (c *clocks) take(all map[string]network.Clock, self string, seen time.Time) (asked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, clock := range all {
		if id == self || c.heard[id].At.Equal(clock.At) {
			continue
		}
		c.heard[id] = network.Heard{At: clock.At, Seen: seen}
		asked = asked || clock.Asks && c.begun
		for _, said := range c.said {
			if low, high, ok := network.Bounds(said, clock, seen); ok {
				c.offsets[id] = clockOffset{doctor.Offset{Known: true, Low: low, High: high}, clock.Version, time.Now()}
			}
		}
	}
	c.begun = true
	for id := range c.heard {
		if _, ok := all[id]; !ok { // it is no member any more
			delete(c.heard, id)
			delete(c.offsets, id)
		}
	}
	return asked
}

// say is what to write: a question, or an answer, which repeats a question that is
// still open.
func (c *clocks) say(self, version string, ask bool, now time.Time) network.Clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.said); n > 0 && now.Sub(c.said[n-1].At) < clockAsks {
		ask = true
	}
	out := network.Clock{ID: self, Version: version, At: now.UTC().Round(0), Asks: ask, Heard: map[string]network.Heard{}}
	for id, h := range c.heard {
		out.Heard[id] = h
	}
	if ask {
		c.said = append(c.said, out)
		c.said = slices.Delete(c.said, 0, max(len(c.said)-clockSaid, 0))
	}
	return out
}

// offset is what is known of a peer's clock since a moment.
func (c *clocks) offset(id string, since time.Time) (clockOffset, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.offsets[id]
	return o, ok && !o.at.Before(since)
}

// noteClocks takes up what peers said of their clocks, and answers.
func (d *daemon) noteClocks() {
	all, seen := d.members.seenClocks()
	asked := d.clocks.take(all, d.members.self, seen)
	d.bell.ring()
	if asked && d.clocks.limit.Allow() {
		d.tellClock(false)
	}
}

func (d *daemon) tellClock(ask bool) {
	err := d.members.tellClock(func() network.Clock { return d.clocks.say(d.members.self, d.version, ask, time.Now()) })
	if err != nil {
		d.log.Warn("telling the peers what time it is", "error", err)
	}
}

// askClocks asks the peers that are connected what time they have, unless they were
// asked just now, and waits for their answers, though not for long.
func (d *daemon) askClocks(ctx context.Context) func(*doctor.Facts) {
	ctx, cancel := context.WithTimeout(ctx, clockPatience)
	defer cancel()
	_, plan, _ := d.members.current()
	var peers []string
	for _, p := range plan {
		if !p.Stock && d.peers.isAccepted(p.ID) {
			peers = append(peers, p.ID)
		}
	}
	since := time.Now().Add(-clockFresh)
	answered := func() bool {
		return !slices.ContainsFunc(peers, func(id string) bool { _, ok := d.clocks.offset(id, since); return !ok })
	}
	if !answered() {
		d.tellClock(true)
		if err := d.announce(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("telling the peers what time it is", "error", err)
		}
		_ = d.bell.await(ctx, func() (bool, error) { return answered(), nil }) // those that have not are not known
	}
	found := map[string]clockOffset{}
	for _, id := range peers {
		if o, ok := d.clocks.offset(id, since); ok {
			found[id] = o
		}
	}
	return func(f *doctor.Facts) { f.Clocks = offsets(found) }
}

func offsets(found map[string]clockOffset) map[string]doctor.PeerClock {
	out := make(map[string]doctor.PeerClock, len(found))
	for id, o := range found {
		out[id] = doctor.PeerClock{Offset: o.Offset, Version: o.version}
	}
	return out
}

// seenClocks are what peers said of their clocks, and when that was read.
func (ms *members) seenClocks() (map[string]network.Clock, time.Time) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.clocks, ms.clocksAt
}

// tellClock writes what make returns, at the moment of writing.
func (ms *members) tellClock(make func() network.Clock) error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	if ms.membership.Network == "" || !ms.known.Is(ms.self) {
		return nil
	}
	return ms.store.Write(network.ClockFile(make()))
}
