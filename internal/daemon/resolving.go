package daemon

import (
	"context"
	"sync"
)

// resolving is held while versions are replaced.
type resolving struct {
	once sync.Once
	held chan struct{}
}

// lock waits until nobody else replaces versions, or ctx ends.
func (r *resolving) lock(ctx context.Context) error {
	r.once.Do(func() { r.held = make(chan struct{}, 1) })
	select {
	case r.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *resolving) unlock() { <-r.held }
