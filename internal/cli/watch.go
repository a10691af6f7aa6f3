package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
)

const (
	// watchPause lets a burst of events lead to one look.
	watchPause = 200 * time.Millisecond
	// watchTick catches what has no event: progress within a large file.
	watchTick = 2 * time.Second
)

// watch shows the status again whenever something happens, until it is
// interrupted, which is its normal end, or the daemon stops.
func (a *app) watch(ctx context.Context, r *root.Root, c *control.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan struct{}, 1)
	ended := make(chan error, 1)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer cancel()
	reader.Go(func() {
		ended <- c.Events(ctx, -1, func(api.Event) error {
			select {
			case changed <- struct{}{}:
			default: // a look is due already
			}
			return nil
		})
	})
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	show := a.watcher()
	for {
		st, err := c.Status(ctx)
		if err == nil {
			err = show(st)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return a.endOfWatch(ctx, r, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return a.endOfWatch(ctx, r, err)
		case <-tick.C:
			continue
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchPause):
		}
	}
}

// endOfWatch gives a daemon that is stopping the time to do so: then the last
// thing shown is that it has stopped.
func (a *app) endOfWatch(ctx context.Context, r *root.Root, err error) error {
	if !hasCode(err, api.CodeNotRunning) {
		return err
	}
	for deadline := time.Now().Add(stopPatience); time.Now().Before(deadline); {
		if held, lockErr := r.Held(); lockErr != nil || !held {
			break
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
	return a.showStopped(r, err)
}

// watcher returns what shows a status: on a terminal in place of the one before,
// elsewhere only if it differs from that.
func (a *app) watcher() func(*api.Status) error {
	if a.term.LiveOutput() {
		_ = a.term.Clear() // if that fails, so does what follows
		return func(st *api.Status) error { return a.term.RedrawStatus(st, time.Now()) }
	}
	var last []byte
	return func(st *api.Status) error {
		now, err := json.Marshal(withoutClock(st))
		if err != nil || bytes.Equal(now, last) {
			return err
		}
		last = now
		return a.showStatus(st)
	}
}

// withoutClock leaves out what changes by itself: a peer that is connected is
// seen all the time.
func withoutClock(st *api.Status) *api.Status {
	still := *st
	still.Peers = slices.Clone(st.Peers)
	for i := range still.Peers {
		if still.Peers[i].Connected {
			still.Peers[i].LastSeen = nil
		}
	}
	return &still
}
