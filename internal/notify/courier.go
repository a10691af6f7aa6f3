package notify

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/botsync/botsync/internal/api"
)

const (
	// pageOutgoing and pageBytes bound what is read of the outbox at a time.
	pageOutgoing = 100
	pageBytes    = 1 << 20
	// settleAfter is how long what was accepted may stay in the outbox while more
	// is sent: removing costs a write to disk, so that several share one.
	settleAfter = 20 * time.Millisecond
	// maxAttempts is how often a notification is sent that may itself be at fault.
	maxAttempts = 10

	// Attempts wait for a random part of a time that begins with firstPause, and
	// doubles up to longestPause.
	firstPause    = time.Second
	longestPause  = 5 * time.Minute
	shortestPause = 50 * time.Millisecond
)

// newBackOff is full jitter: anything between nothing and the present interval,
// so that many senders that failed at once do not come back at once.
func newBackOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = firstPause/2, longestPause/2
	b.Multiplier, b.RandomizationFactor = 2, 1
	b.Reset()
	return b
}

// courier sends what is in the outbox of one target.
type courier struct {
	*target
	sender  sender
	pauses  *backoff.ExponentialBackOff
	settle  []int64   // accepted, but still in the outbox
	settled time.Time // when the first of them was accepted
}

// deliver returns when ctx is done or the store fails, and can be called again
// then.
func (t *target) deliver(ctx context.Context) (err error) {
	s, err := t.Notifier.sender(t.cfg)
	if err != nil {
		return err
	}
	defer s.close()
	c := &courier{target: t, sender: s, pauses: newBackOff()}
	// What was accepted is removed even if this ends now.
	defer func() { _ = c.flush(context.WithoutCancel(ctx)) }()
	for {
		kept, err := t.o.Store.OutboxTargets(ctx)
		if err != nil {
			return err
		}
		if why := kept[t.cfg.Name].Paused; why != "" {
			t.failed(why, time.Time{})
			if err := await(ctx, t.again, nil); err != nil {
				return err
			}
			continue
		}
		if err := c.drain(ctx); err != nil {
			return err
		}
		if kept, err = t.o.Store.OutboxTargets(ctx); err != nil {
			return err
		}
		if kept[t.cfg.Name].Paused != "" {
			continue
		}
		t.worked()
		if err := await(ctx, t.again, t.queued); err != nil {
			return err
		}
	}
}

func await(ctx context.Context, a, b <-chan struct{}) error {
	select {
	case <-a:
	case <-b:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// drain sends until nothing is left that can be sent.
func (c *courier) drain(ctx context.Context) error {
	for {
		page, err := c.o.Store.Outbox(ctx, c.cfg.Name, pageOutgoing, pageBytes)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, out := range page {
			goOn, err := c.carry(ctx, out)
			if err != nil || !goOn {
				return err
			}
		}
		if err := c.flush(ctx); err != nil { // else they were read again
			return err
		}
	}
}

// carry sends one notification until there is a decision about it. It reports
// whether the next one can be sent.
func (c *courier) carry(ctx context.Context, out api.Outgoing) (goOn bool, err error) {
	for {
		a := c.sender.send(ctx, out.Key, out.Body)
		if a.verdict == accepted {
			return true, c.accepted(ctx, out.ID)
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err := c.flush(ctx); err != nil { // it may be long until the next one is accepted
			return false, err
		}
		if a.verdict == retryFew {
			if err := c.o.Store.CountAttempt(ctx, out.ID); err != nil {
				return false, err
			}
			if out.Attempts++; out.Attempts >= maxAttempts {
				a.verdict = park
			}
		}
		switch a.verdict {
		case park:
			c.o.Log.Warn("a notification is not accepted and parked", "target", c.cfg.Name, "key", out.Key, "reason", a.text)
			return true, c.o.Store.Park(ctx, out.ID, a.text)
		case pause:
			c.o.Log.Warn("no notification is accepted", "target", c.cfg.Name, "reason", a.text)
			return false, c.o.Store.PauseOutbox(ctx, c.cfg.Name, a.text)
		}
		wait := max(c.pauses.NextBackOff(), a.after, shortestPause)
		c.failed(a.text, time.Now().Add(wait))
		if again, err := c.sleep(ctx, wait); err != nil {
			return false, err
		} else if again {
			out.Attempts = 0
			c.pauses.Reset()
		}
	}
}

// sleep reports whether somebody asked to try again meanwhile.
func (c *courier) sleep(ctx context.Context, wait time.Duration) (again bool, err error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false, nil
	case <-c.again:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// accepted removes from the outbox what the target has, now or with the next.
func (c *courier) accepted(ctx context.Context, id int64) error {
	c.pauses.Reset()
	c.worked()
	now := time.Now()
	if len(c.settle) == 0 {
		c.settled = now
	}
	c.settle = append(c.settle, id)
	if now.Sub(c.settled) < settleAfter {
		return nil
	}
	return c.flush(ctx)
}

func (c *courier) flush(ctx context.Context) error {
	if len(c.settle) == 0 {
		return nil
	}
	if err := c.o.Store.Delivered(ctx, c.cfg.Name, c.settle, time.Now()); err != nil {
		return err
	}
	c.waiting.Add(-int64(len(c.settle)))
	c.settle = c.settle[:0]
	wake(c.freed)
	return nil
}
