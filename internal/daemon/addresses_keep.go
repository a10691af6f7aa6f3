package daemon

import (
	"context"
	"slices"
	"time"
)

const (
	// addressesInterval is how often this device looks where it is.
	addressesInterval = 5 * time.Second
	// addressesSettle is for how long it has to be there before the peers are told:
	// interfaces come up one after the other, and routers and relays take a while.
	addressesSettle = 10 * time.Second
	// addressesPause is the least time between two tellings: each makes every other
	// device plan anew.
	addressesPause = 2 * time.Minute
)

// keepAddresses tells the peers where this device is, when it has moved: they may
// have no discovery server in common.
func (d *daemon) keepAddresses(ctx context.Context) {
	tick := time.NewTicker(addressesInterval)
	defer tick.Stop()
	var moves moves
	for {
		select {
		case now := <-tick.C:
			m, plan, _ := d.members.current()
			if m.Network == "" || m.Pending != nil || len(plan) == 0 {
				continue
			}
			here := withoutLoopback(d.engine.Addresses())
			if !moves.due(here, d.members.published(), now) {
				continue
			}
			if err := d.members.publish(here); err != nil {
				d.log.Warn("telling the peers where this device is", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// moves decides when the peers are told where this device is.
type moves struct {
	here  []string  // sorted
	since time.Time // here is where it is
	told  time.Time
}

// due reports whether to tell that this device is at the addresses here, given
// what was told last. Addresses that were told and are gone are no reason by
// themselves while there is any other that is known.
func (m *moves) due(here, published []string, now time.Time) bool {
	here = slices.Sorted(slices.Values(here))
	if !slices.Equal(here, m.here) || m.since.IsZero() {
		m.here, m.since = here, now
	}
	fresh := slices.ContainsFunc(here, func(a string) bool { return !slices.Contains(published, a) })
	stale := 0
	for _, a := range published {
		if !slices.Contains(here, a) {
			stale++
		}
	}
	switch {
	case len(here) == 0: // offline: nobody would hear of it
		return false
	case !fresh && 2*stale <= len(published):
		return false
	case now.Sub(m.since) < addressesSettle, !m.told.IsZero() && now.Sub(m.told) < addressesPause:
		return false
	}
	m.told = now
	return true
}
