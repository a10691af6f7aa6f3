package meeting

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// reannounce is when a server that does not say hears of us again, and minReannounce the soonest that it may ask for.
	reannounce    = 30 * time.Minute
	minReannounce = time.Minute
	// firstChange is how soon after an announcement a change of the addresses is announced. The time doubles with each,
	// and after maxChanges of them a server hears of no more.
	firstChange = 3 * time.Second
	maxChanges  = 6
	// After a failure that the server does not explain, it is tried again after minAnnounceRetry to maxAnnounceRetry.
	minAnnounceRetry = 2 * time.Second
	maxAnnounceRetry = 30 * time.Second
)

// announce tells one server where we are: once, again when the server asks for it, and, a few times, when the addresses
// have changed.
func (h *globalHosting) announce(ctx context.Context, i int, s *discoveryServer) {
	h.awaitRelay(ctx)
	pause := newBackOff()
	pause.InitialInterval, pause.MaxInterval = minAnnounceRetry, maxAnnounceRetry
	spacing := firstChange
	for changes := 0; ctx.Err() == nil; {
		addresses, _ := h.addresses()
		again, err := s.announce(ctx, h.id, addresses)
		if ctx.Err() != nil {
			return
		}
		h.setAnnounced(i, err)
		if err != nil {
			sleep(ctx, retryDelay(err, pause.NextBackOff()))
			continue
		}
		pause.Reset()
		if again == 0 {
			again = reannounce
		}
		due := time.Now().Add(jitter(max(again, minReannounce)))
		if changes < maxChanges && h.awaitChange(ctx, addresses, due) {
			changes++
			sleep(ctx, jitter(spacing))
			spacing *= 2
			continue
		}
		sleep(ctx, time.Until(due))
	}
}

// jitter returns d and up to a tenth more, so that those who started together do not stay together.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/10) }

// awaitRelay waits until it is known of all relays whether we are there, or it takes too long. Once we are at one, it does
// not wait for the others for long.
func (h *globalHosting) awaitRelay(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, relayPatience)
	defer cancel()
	var rest <-chan time.Time
	for {
		joined, missing, changed := h.relays()
		if !missing {
			return
		}
		if joined && rest == nil {
			t := time.NewTimer(otherRelaysPatience)
			defer t.Stop()
			rest = t.C
		}
		select {
		case <-changed:
		case <-rest:
			return
		case <-ctx.Done():
			return
		}
	}
}

// awaitChange waits until the addresses are others than those announced, and reports whether they are before it is due
// to announce them in any case.
func (h *globalHosting) awaitChange(ctx context.Context, announced []string, due time.Time) bool {
	ctx, cancel := context.WithDeadline(ctx, due)
	defer cancel()
	for {
		now, changed := h.addresses()
		if !slices.Equal(now, announced) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
