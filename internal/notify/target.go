package notify

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

// target is one that is being told.
type target struct {
	*Notifier
	cfg  api.NotifyTarget
	stop context.CancelFunc
	done sync.WaitGroup

	queued chan struct{} // there is something in the outbox
	again  chan struct{} // somebody asks to try at once
	freed  chan struct{} // there is less in the outbox
	// waiting is how many notifications are in the outbox, parked ones as well.
	waiting atomic.Int64

	state sync.Mutex
	open  int       // changes in the open batch
	wrong string    // why the latest attempt failed; empty if it did not
	since time.Time // since when attempts fail
	next  time.Time // when the next one is made
}

// start must be called with mu held.
func (n *Notifier) start(cfg api.NotifyTarget) *target {
	ctx, stop := context.WithCancel(n.ctx)
	t := &target{Notifier: n, cfg: cfg, stop: stop,
		queued: make(chan struct{}, 1), again: make(chan struct{}, 1), freed: make(chan struct{}, 1)}
	t.done.Go(func() { t.untilEnd(ctx, "gathering notifications", t.gather) })
	t.done.Go(func() { t.untilEnd(ctx, "sending notifications", t.deliver) })
	return t
}

func (t *target) end() {
	t.stop()
	t.done.Wait()
}

// storePause is how long to leave a database alone that cannot be used.
const storePause = 2 * time.Second

// untilEnd repeats what fails only when the database does.
func (t *target) untilEnd(ctx context.Context, what string, do func(context.Context) error) {
	for ctx.Err() == nil {
		err := do(ctx)
		if ctx.Err() != nil {
			return
		}
		t.o.Log.Error(what, "target", t.cfg.Name, "error", err)
		t.failed("the outbox cannot be used: "+err.Error(), time.Now().Add(storePause))
		select {
		case <-time.After(storePause):
		case <-ctx.Done():
		}
	}
}

// resume makes the courier look again at once.
func (t *target) resume() { wake(t.again) }

// wake never blocks: one sign is as good as several.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (t *target) failed(why string, next time.Time) {
	t.state.Lock()
	defer t.state.Unlock()
	if t.wrong == "" {
		t.since = time.Now()
	}
	t.wrong, t.next = why, next
}

func (t *target) worked() {
	t.state.Lock()
	defer t.state.Unlock()
	t.wrong, t.since, t.next = "", time.Time{}, time.Time{}
}

func (t *target) gathered(open int) {
	t.state.Lock()
	defer t.state.Unlock()
	t.open = open
}

// sender makes what sends to a target.
func (n *Notifier) sender(cfg api.NotifyTarget) (sender, error) {
	if n.o.newSender != nil {
		return n.o.newSender(cfg)
	}
	agent := "botsync/" + n.o.Version
	switch cfg.Kind {
	case api.NotifyOpenClaw:
		return newPost(cfg.Kind, cfg.URL, agent, bearer(cfg.Token)), nil
	case api.NotifyWebhook:
		key, err := root.WebhookKey(cfg.Secret)
		if err != nil {
			return nil, err
		}
		return newPost(cfg.Kind, cfg.URL, agent, signed(key)), nil
	}
	return newCommand(cfg, n.o.Here.Root), nil
}
