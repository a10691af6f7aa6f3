package engine

import (
	"context"
	"time"
)

// every is ranged over by what is to be done at intervals until ctx ends, and at once when
// it is woken; nothing wakes it if wake is nil. Intervals that pass meanwhile are not made
// up for.
func every(ctx context.Context, interval time.Duration, wake <-chan struct{}) func(yield func() bool) {
	return func(yield func() bool) {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			case <-wake:
			}
			if !yield() {
				return
			}
		}
	}
}
