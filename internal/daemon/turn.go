package daemon

import (
	"context"
	"sync"
	"time"
)

// turnPatience is how long a guest waits for the one before it. An exchange
// takes a few round trips; one that takes longer is most likely held up by
// somebody between the two, who must not keep others out.
const turnPatience = 3 * time.Second

// turn lets one guest of an invite be served at a time. The zero turn is free.
type turn struct {
	mu     sync.Mutex
	end    context.CancelFunc // of the one whose turn it is; nil if it is free
	passed chan struct{}      // closed when its turn is over
}

// take waits for the turn and returns a context for it, and a function to pass
// it on. Whoever holds it longer than others have patience loses the context.
func (t *turn) take(ctx context.Context) (context.Context, func(), error) {
	patience := time.NewTimer(turnPatience)
	defer patience.Stop()
	for {
		t.mu.Lock()
		if t.end == nil {
			held, end := context.WithCancel(ctx)
			t.end, t.passed = end, make(chan struct{})
			t.mu.Unlock()
			return held, t.pass, nil
		}
		end, passed := t.end, t.passed
		t.mu.Unlock()
		select {
		case <-passed:
		case <-patience.C:
			end()
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

func (t *turn) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end()
	t.end = nil
	close(t.passed)
}
