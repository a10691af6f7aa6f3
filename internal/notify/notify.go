package notify

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Source is where events are read: the log of the daemon.
type Source interface {
	// Since returns kept events with IDs above id in their order, at most limit.
	Since(ctx context.Context, id int64, limit int) ([]api.Event, error)
	// More returns a channel that is closed when there is another event.
	More() <-chan struct{}
	// Last is the ID of the latest kept event.
	Last() int64
}

// Store is the outbox. Its methods are those of the daemon's database.
type Store interface {
	OutboxTargets(ctx context.Context) (map[string]api.OutboxTarget, error)
	AddOutboxTarget(ctx context.Context, name string, position int64) error
	DropOutboxTarget(ctx context.Context, name string) error
	PassOutbox(ctx context.Context, name string, position int64) error
	Enqueue(ctx context.Context, name string, out api.Outgoing, position int64) error
	EnqueuedSince(ctx context.Context, name string, since, now time.Time) ([]time.Time, error)
	Outbox(ctx context.Context, name string, limit, maxBytes int) ([]api.Outgoing, error)
	Delivered(ctx context.Context, name string, ids []int64, at time.Time) error
	CountAttempt(ctx context.Context, id int64) error
	Park(ctx context.Context, id int64, reason string) error
	PauseOutbox(ctx context.Context, name, reason string) error
	RetryOutbox(ctx context.Context, name string) error
}

// Options say what is told, how often, and by whom.
type Options struct {
	Store      Store
	Source     Source
	Filter     Filter
	Here       Here
	Version    string        // of botsync, for User-Agent
	Debounce   time.Duration // after the last change
	MaxWait    time.Duration // after the first one
	MaxPerHour int           // notifications to each target; 0 means no limit
	Log        *slog.Logger

	newSender func(api.NotifyTarget) (sender, error) // by tests; nil for the real ones
}

// Notifier tells targets of events. Its methods can be called by several
// goroutines while Run runs.
type Notifier struct {
	o Options

	mu      sync.Mutex // held while targets are started and ended
	ctx     context.Context
	targets []*target // in the order in which they were set
}

// New returns a Notifier that does nothing yet. The targets are those that were
// kept; their order is that of [Notifier.Status].
func New(ctx context.Context, o Options, targets []api.NotifyTarget) (*Notifier, error) {
	n := &Notifier{o: o, ctx: ctx}
	kept, err := o.Store.OutboxTargets(ctx)
	if err != nil {
		return nil, err
	}
	for _, cfg := range targets {
		// One that the store does not know begins now, like one that is added.
		if err := o.Store.AddOutboxTarget(ctx, cfg.Name, o.Source.Last()); err != nil {
			return nil, err
		}
		delete(kept, cfg.Name)
	}
	for name := range kept { // what was removed when the daemon was killed
		if err := o.Store.DropOutboxTarget(ctx, name); err != nil {
			return nil, err
		}
	}
	for _, cfg := range targets {
		n.targets = append(n.targets, n.start(cfg))
	}
	return n, nil
}

// Wait returns when the context of New has ended and nothing runs any more.
func (n *Notifier) Wait() {
	<-n.ctx.Done()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, t := range n.targets {
		t.end()
	}
}

// Set adds a target, which is told of what happens from now on, or changes one
// of the same name and kind, of which nothing is lost. What was paused or parked
// is tried again. save is called when nothing can fail any more but itself.
func (n *Notifier) Set(ctx context.Context, cfg api.NotifyTarget, save func() error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.ctx.Err(); err != nil {
		return err
	}
	i := n.index(cfg.Name)
	if i >= 0 && n.targets[i].cfg.Kind != cfg.Kind {
		return api.Errorf(api.CodeUsage, `Choose another --name, or switch that one off: "botsync notify off `+cfg.Name+`".`,
			"there is a target %q already, of the kind %s", cfg.Name, n.targets[i].cfg.Kind)
	}
	if i < 0 {
		if err := n.o.Store.AddOutboxTarget(ctx, cfg.Name, n.o.Source.Last()); err != nil {
			return err
		}
	}
	if err := save(); err != nil {
		return err
	}
	if i < 0 {
		n.targets = append(n.targets, n.start(cfg))
		return nil
	}
	n.targets[i].end()
	err := n.o.Store.RetryOutbox(ctx, cfg.Name)
	n.targets[i] = n.start(cfg)
	return err
}

// Off removes a target. It returns how many notifications were dropped.
func (n *Notifier) Off(ctx context.Context, name string, save func() error) (dropped int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := n.index(name)
	if i < 0 {
		return 0, unknown(name)
	}
	if err := save(); err != nil {
		return 0, err
	}
	n.targets[i].end()
	n.targets = slices.Delete(n.targets, i, i+1)
	kept, err := n.o.Store.OutboxTargets(ctx)
	if err != nil {
		return 0, err
	}
	return kept[name].Queued + kept[name].Parked, n.o.Store.DropOutboxTarget(ctx, name)
}

// Retry sends what was parked, takes up a target that is paused, and ends the
// wait for the next attempt. It returns how many notifications wait now.
func (n *Notifier) Retry(ctx context.Context, name string) (queued int, err error) {
	t, err := n.target(name)
	if err != nil {
		return 0, err
	}
	if err := n.o.Store.RetryOutbox(ctx, name); err != nil {
		return 0, err
	}
	kept, err := n.o.Store.OutboxTargets(ctx)
	if err != nil {
		return 0, err
	}
	t.resume()
	return kept[name].Queued, nil
}

// Test sends a target a notification that tells of nothing, and returns what it
// said. A target that accepts it is taken up again if it was paused.
func (n *Notifier) Test(ctx context.Context, name string) (*api.NotifyTestLine, error) {
	t, err := n.target(name)
	if err != nil {
		return nil, err
	}
	s, err := n.sender(t.cfg)
	if err != nil {
		return nil, err
	}
	defer s.close()
	key, start := newKey(), time.Now()
	body, err := render(t.cfg.Kind, n.o.Here.test(key, start))
	if err != nil {
		return nil, err
	}
	a := s.send(ctx, key, body)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch a.verdict {
	case accepted:
		if err := n.o.Store.PauseOutbox(ctx, name, ""); err != nil {
			return nil, err
		}
		t.resume()
		ms := float64(time.Since(start)) / float64(time.Millisecond)
		return &api.NotifyTestLine{Name: name, Kind: t.cfg.Kind, Answer: a.text, MS: ms}, nil
	case park, pause:
		return nil, api.Errorf(api.CodeRefused, "Mend that, and test it again.", "%s refused the test: %s", name, a.text)
	}
	return nil, api.Errorf(api.CodeUnreachable, "See whether it is running; notifications wait until it is.",
		"%s did not accept the test: %s", name, a.text)
}

func (n *Notifier) target(name string) (*target, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := n.index(name); i >= 0 {
		return n.targets[i], nil
	}
	return nil, unknown(name)
}

func (n *Notifier) index(name string) int {
	return slices.IndexFunc(n.targets, func(t *target) bool { return t.cfg.Name == name })
}

func unknown(name string) error {
	return api.Errorf(api.CodeUsage, `Run "botsync notify" for a list.`, "there is no target %q", name)
}
