package notify

import (
	"context"
	"time"

	"github.com/botsync/botsync/internal/api"
)

const (
	// pageEvents is how many events are read at a time.
	pageEvents = 500
	// passEvents is after how many events that do not notify the position is
	// moved past them.
	passEvents = 1000
	// maxWaiting is how many notifications may wait for one target. Beyond that
	// the open batch takes on what comes.
	maxWaiting = 10_000
)

// gather is the batcher of a target. It returns when ctx is done or the store
// fails, and can be called again then: whatever is not in the outbox is read again.
func (t *target) gather(ctx context.Context) error {
	kept, err := t.o.Store.OutboxTargets(ctx)
	if err != nil {
		return err
	}
	t.waiting.Store(int64(kept[t.cfg.Name].Queued + kept[t.cfg.Name].Parked))
	position := kept[t.cfg.Name].Position
	read, open := position, newDigest()
	for {
		more := t.o.Source.More() // before reading, so that none is missed
		events, err := t.o.Source.Since(ctx, read, pageEvents)
		if err != nil {
			return err
		}
		now := time.Now()
		for _, e := range events {
			read = e.ID
			if t.o.Filter.Matches(e) {
				open.add(e, came(e.Time, now, t.o.MaxWait))
			}
		}
		t.gathered(open.size())
		var at time.Time // when to look again; zero: with the next event
		if !open.empty() {
			at = open.due(t.o.Debounce, t.o.MaxWait)
			if !now.Before(at) {
				if at, err = t.room(ctx, now); err != nil {
					return err
				}
				if !now.Before(at) {
					if err := t.enqueue(ctx, open, read, now); err != nil {
						return err
					}
					position, open = read, newDigest()
					continue
				}
			}
		} else if read-position >= passEvents {
			if err := t.o.Store.PassOutbox(ctx, t.cfg.Name, read); err != nil {
				return err
			}
			position = read
		}
		if len(events) == pageEvents {
			continue
		}
		if err := t.rest(ctx, more, at, now); err != nil {
			return err
		}
	}
}

// rest waits until there is something to do.
func (t *target) rest(ctx context.Context, more <-chan struct{}, at, now time.Time) error {
	var alarm <-chan time.Time
	if !at.IsZero() {
		timer := time.NewTimer(at.Sub(now))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-more:
	case <-alarm:
	case <-t.freed:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// came is when an event came, as far as that can be believed: the clock may have
// been set, and after a restart nobody waits a second time.
func came(at, now time.Time, maxWait time.Duration) time.Time {
	if at.After(now) {
		return now
	}
	if early := now.Add(-maxWait); at.Before(early) {
		return early
	}
	return at
}

// room returns when the target may get another notification.
func (t *target) room(ctx context.Context, now time.Time) (time.Time, error) {
	if t.waiting.Load() >= maxWaiting {
		return now.Add(time.Hour), nil // freed wakes earlier
	}
	if t.o.MaxPerHour == 0 {
		return now, nil
	}
	times, err := t.o.Store.EnqueuedSince(ctx, t.cfg.Name, now.Add(-time.Hour), now)
	if err != nil || len(times) < t.o.MaxPerHour {
		return now, err
	}
	return times[len(times)-t.o.MaxPerHour].Add(time.Hour), nil
}

func (t *target) enqueue(ctx context.Context, open *digest, position int64, now time.Time) error {
	key := newKey()
	body, err := render(t.cfg.Kind, t.o.Here.batch(open, key, now))
	if err != nil {
		return err
	}
	if err := t.o.Store.Enqueue(ctx, t.cfg.Name, api.Outgoing{Key: key, Body: body, At: now}, position); err != nil {
		return err
	}
	t.waiting.Add(1)
	t.gathered(0)
	wake(t.queued)
	return nil
}
