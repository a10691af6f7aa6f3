package cli

import (
	"context"
	"errors"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
)

const (
	// startPatience bounds how long a daemon may take until it answers. A large
	// database that was not closed takes some seconds.
	startPatience = time.Minute
	// stopPatience bounds how long it may take to end.
	stopPatience = 30 * time.Second
)

// dial reaches the running daemon of r.
func (a *app) dial(ctx context.Context, r *root.Root) (*control.Client, error) {
	c, err := control.Dial(ctx, r)
	if err == nil {
		a.checkVersion(c)
	}
	return c, err
}

// checkVersion says once that an update is only half done.
func (a *app) checkVersion(c *control.Client) {
	if v := c.Version().Version; v != a.deps.Version && !a.warned {
		a.warned = true
		a.term.Warn(`the daemon is botsync %s, this command is %s. Run "botsync stop" and "botsync start".`, v, a.deps.Version)
	}
}

// ensureDaemon reaches the daemon of r, and starts it if none is running. Any
// number of commands can do so at once: one of their daemons gets the lock.
func (a *app) ensureDaemon(ctx context.Context, r *root.Root) (c *control.Client, started bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		if c, err = a.dial(ctx, r); err == nil || !hasCode(err, api.CodeNotRunning) {
			return c, started, err
		}
		err = a.spawn(ctx, r)
		switch {
		case err == nil:
			started = true
		case !hasCode(err, api.CodeRunning):
			return nil, false, err
		default:
			// Another daemon is starting or stopping. See which it becomes.
			if c, err = a.awaitOther(ctx, r); c != nil || err != nil {
				return c, false, err
			}
		}
	}
}

// awaitOther waits for the daemon that holds the lock: it returns the client
// once that answers, and neither client nor error once it is gone.
func (a *app) awaitOther(ctx context.Context, r *root.Root) (*control.Client, error) {
	for {
		c, err := a.dial(ctx, r)
		if err == nil || !hasCode(err, api.CodeNotRunning) {
			return c, err
		}
		held, lockErr := r.Held()
		if lockErr != nil || !held {
			return nil, lockErr
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, err
			}
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stopDaemon ends the daemon of r and returns once its lock is free. It reports
// the process, and whether there was one.
func (a *app) stopDaemon(ctx context.Context, r *root.Root) (pid int, was bool, err error) {
	held, err := r.Held()
	if err != nil || !held {
		return 0, false, err
	}
	info, err := r.LockInfo()
	if err != nil {
		return 0, true, err
	}
	ctx, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	c, err := control.Dial(ctx, r)
	if err == nil {
		err = c.Stop(ctx)
		c.Close()
	}
	if err != nil && info.PID > 0 {
		// It is starting, stopping or hanging. The lock is held, so the number
		// is not that of another process.
		_ = terminate(info.PID)
	}
	for {
		if held, err := r.Held(); err != nil || !held {
			return info.PID, true, err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return info.PID, true, ctx.Err()
			}
			return info.PID, true, api.Errorf(api.CodeTimeout, "Look into "+r.LogPath()+". Ending the process by force loses no files.",
				"the daemon (process %d) has not stopped within %s", info.PID, stopPatience)
		}
	}
}

func hasCode(err error, code string) bool {
	var e *api.Error
	return errors.As(err, &e) && e.Code == code
}
