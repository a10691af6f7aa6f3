package watch

import (
	"context"
	"sync"
	"time"
)

const (
	// What is moved away appears elsewhere, and a program seldom writes one file
	// only: a look that sees them together announces them once. So changes may
	// settle for this time since the last one, and at most settleMax in all.
	settle    = 1 * time.Millisecond
	settleMax = 20 * time.Millisecond
	// queueLimit is the most paths that a queue keeps: some megabytes. It is far
	// above what it pays to look at one by one, since many of them may be known
	// to those who look.
	queueLimit = 1 << 15
)

// Queue is where changes wait for the look. Adding never blocks.
type Queue struct {
	mu   sync.Mutex
	set  *Set
	last time.Time // of the last addition
	wake chan struct{}
}

// NewQueue returns an empty queue.
func NewQueue() *Queue { return &Queue{set: NewSet(queueLimit), wake: make(chan struct{}, 1)} }

// Add adds changes.
func (q *Queue) Add(changes ...Change) {
	if len(changes) == 0 {
		return
	}
	q.mu.Lock()
	q.set.Add(changes...)
	q.last = time.Now()
	q.mu.Unlock()
	q.nudge()
}

func (q *Queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Take returns what waits, and empties the queue.
func (q *Queue) Take() []Change {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.set.Take()
}

// Deliver hands changes to look until ctx ends, whose error it returns: at once
// when it is quiet, together when they come while look is busy, and never two
// lots at a time. What look fails with is handed to it again after pause.
func (q *Queue) Deliver(ctx context.Context, pause time.Duration, look func(context.Context, []Change) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-q.wake:
		}
		if err := q.settled(ctx); err != nil {
			q.nudge() // for whoever delivers next
			return err
		}
		batch := q.Take()
		if len(batch) == 0 {
			continue
		}
		if look(ctx, batch) == nil {
			continue
		}
		err := sleep(ctx, pause)
		q.Add(batch...)
		if err != nil {
			return err
		}
	}
}

// settled waits until no change has come for a moment.
func (q *Queue) settled(ctx context.Context) error {
	end := time.Now().Add(settleMax)
	for {
		q.mu.Lock()
		last := q.last
		q.mu.Unlock()
		now := time.Now()
		wait := min(last.Add(settle).Sub(now), end.Sub(now))
		if wait <= 0 {
			return nil
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
