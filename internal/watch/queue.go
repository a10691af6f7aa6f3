package watch

import (
	"context"
	"sync"
	"time"
)

const (
	// queueLimit is the most paths that a queue keeps: some megabytes. It is far
	// above what it pays to look at one by one, since many of them may be known
	// to those who look.
	queueLimit = 1 << 15
)

// Settle says how long changes wait for others: what is moved away appears
// elsewhere, and a program seldom writes one file only. A look that sees them
// together announces them once.
type Settle struct {
	Quiet time.Duration // since the last one
	More  time.Duration // since the last one, if more is sure to follow; see Expect
	Max   time.Duration // in all
}

// Queue is where changes wait for the look. Adding never blocks.
type Queue struct {
	settle Settle
	nap    func(time.Duration) // sleeps for less than a millisecond
	mu     sync.Mutex
	set    *Set
	last   time.Time // of the last addition
	more   bool      // is sure to follow
	wake   chan struct{}
}

// NewQueue returns an empty queue.
func NewQueue(s Settle) *Queue {
	return &Queue{settle: s, nap: nap, set: NewSet(queueLimit), wake: make(chan struct{}, 1)}
}

// Add adds changes.
func (q *Queue) Add(changes ...Change) {
	if len(changes) == 0 {
		return
	}
	q.mu.Lock()
	q.set.Add(changes...)
	q.last, q.more = time.Now(), false
	q.mu.Unlock()
	q.nudge()
}

// Expect says that more will follow what was added last: a directory is seldom
// made to stay empty. It is not worth a look, and a message to all peers, of its
// own.
func (q *Queue) Expect() {
	q.mu.Lock()
	q.more = true
	q.mu.Unlock()
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

// Len returns how many changes wait; if all has to be looked at, as many as a
// queue can hold.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.set.paths[Root] {
		return queueLimit
	}
	return q.set.Len()
}

// Deliver hands changes to look until ctx ends, whose error it returns: at once
// when it is quiet, together when they come while look is busy, and never two
// lots at a time. What look fails with is handed to it again after pause, or with
// the next change.
func (q *Queue) Deliver(ctx context.Context, pause time.Duration, look func(context.Context, []Change) error) error {
	again := time.NewTimer(pause)
	again.Stop()
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-q.wake:
		case <-again.C:
		}
		if err := q.settled(ctx); err != nil {
			q.nudge() // for whoever delivers next
			return err
		}
		batch := q.Take()
		if len(batch) == 0 || look(ctx, batch) == nil {
			continue
		}
		q.mu.Lock()
		q.set.Add(batch...)
		q.mu.Unlock()
		if ctx.Err() != nil {
			q.nudge()
		}
		again.Reset(pause)
	}
}

// settled waits until no change has come for a moment.
func (q *Queue) settled(ctx context.Context) error {
	end := time.Now().Add(q.settle.Max)
	for {
		q.mu.Lock()
		settled := q.last.Add(q.settle.Quiet)
		if q.more {
			settled = later(settled, q.last.Add(q.settle.More))
		}
		q.mu.Unlock()
		now := time.Now()
		wait := min(settled.Sub(now), end.Sub(now))
		if wait <= 0 {
			return nil
		}
		if wait < time.Millisecond {
			q.nap(wait)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-q.wake: // what was expected may have come
			timer.Stop()
		case <-timer.C:
		}
	}
}
