package daemon

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/notify"
	"github.com/botsync/botsync/internal/root"
)

// notifier tells targets of events, and keeps which targets there are.
type notifier struct {
	*notify.Notifier
	changing sync.Mutex // held while notify.json is changed
}

// openNotify begins to notify, until ctx ends; then Wait returns.
func (d *daemon) openNotify(ctx context.Context) error {
	targets, err := d.root.NotifyTargets()
	if err != nil {
		return err
	}
	settings := d.config.Notify
	self := d.self()
	d.notify.Notifier, err = notify.New(ctx, notify.Options{
		Store: d.state, Source: d.activity, Version: d.version, Log: d.log,
		Here: notify.Here{Device: self, Root: d.root.Dir()},
		Filter: notify.Filter{Self: self.ID, FoldersNow: func() []string { return settings.NotifyFolders(d.self().Role) },
			Include: settings.Include, Exclude: settings.Exclude},
		Debounce: time.Duration(settings.Debounce), MaxWait: time.Duration(settings.MaxWait), MaxPerHour: settings.MaxPerHour,
	}, targets)
	return err
}

// Notify says where notifications go, and how it is with each target.
func (d *daemon) Notify(ctx context.Context) (*api.NotifyStatus, error) {
	targets, err := d.notify.Status(ctx)
	if err != nil {
		return nil, err
	}
	return &api.NotifyStatus{Targets: targets, Folders: d.config.Notify.NotifyFolders(d.self().Role),
		MaxPerHour: d.config.Notify.MaxPerHour}, nil
}

// SetTarget adds or changes a target, and keeps it. A webhook keeps its secret.
func (d *daemon) SetTarget(ctx context.Context, t api.NotifyTarget) (*api.NotifySetLine, error) {
	d.notify.changing.Lock()
	defer d.notify.changing.Unlock()
	targets, err := d.root.NotifyTargets()
	if err != nil {
		return nil, err
	}
	line := &api.NotifySetLine{Name: t.Name, Kind: t.Kind}
	i := slices.IndexFunc(targets, func(other api.NotifyTarget) bool { return other.Name == t.Name })
	if t.Kind == api.NotifyWebhook && t.Secret == "" {
		if i >= 0 && targets[i].Kind == t.Kind {
			t.Secret = targets[i].Secret
		} else {
			t.Secret = notify.NewSecret()
			line.Secret = t.Secret
		}
	}
	if err := root.ValidateTarget(t); err != nil {
		return nil, err
	}
	if t.Kind == api.NotifyExec {
		if err := notify.Runnable(t.Command[0], d.root.Dir()); err != nil {
			return nil, err
		}
	}
	if i >= 0 {
		targets[i] = t
	} else {
		targets = append(targets, t)
	}
	if err := d.notify.Set(ctx, t, func() error { return d.root.SaveNotifyTargets(targets) }); err != nil {
		return nil, explain(d.root, err)
	}
	d.log.Info("notifications go to a target", "target", t.Name, "kind", t.Kind)
	return line, nil
}

// TargetOff removes a target, and what was to be sent to it.
func (d *daemon) TargetOff(ctx context.Context, name string) (*api.NotifyOffLine, error) {
	d.notify.changing.Lock()
	defer d.notify.changing.Unlock()
	targets, err := d.root.NotifyTargets()
	if err != nil {
		return nil, err
	}
	targets = slices.DeleteFunc(targets, func(t api.NotifyTarget) bool { return t.Name == name })
	dropped, err := d.notify.Off(ctx, name, func() error { return d.root.SaveNotifyTargets(targets) })
	if err != nil {
		return nil, explain(d.root, err)
	}
	d.log.Info("notifications go to a target no more", "target", name, "dropped", dropped)
	return &api.NotifyOffLine{Name: name, Dropped: dropped}, nil
}

// RetryTarget sends a target again what it refused.
func (d *daemon) RetryTarget(ctx context.Context, name string) (*api.NotifyRetryLine, error) {
	queued, err := d.notify.Retry(ctx, name)
	if err != nil {
		return nil, explain(d.root, err)
	}
	return &api.NotifyRetryLine{Name: name, Queued: queued}, nil
}

// TestTarget sends a target a test, and waits for its answer.
func (d *daemon) TestTarget(ctx context.Context, name string) (*api.NotifyTestLine, error) {
	return d.notify.Test(ctx, name)
}

// notifyProblems are what is wrong with targets.
func (d *daemon) notifyProblems(ctx context.Context) []api.Problem {
	problems, err := d.notify.Problems(ctx)
	if err != nil {
		return nil // the database's trouble, which others tell
	}
	return problems
}
