package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Status says how it is with each target.
func (n *Notifier) Status(ctx context.Context) ([]api.NotifyTargetStatus, error) {
	kept, err := n.o.Store.OutboxTargets(ctx)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	out := []api.NotifyTargetStatus{}
	for _, t := range n.targets {
		out = append(out, t.status(kept[t.cfg.Name]))
	}
	return out, nil
}

func (t *target) status(kept api.OutboxTarget) api.NotifyTargetStatus {
	t.state.Lock()
	defer t.state.Unlock()
	s := api.NotifyTargetStatus{Name: t.cfg.Name, Kind: t.cfg.Kind, URL: t.cfg.URL, Command: t.cfg.Command,
		State: api.NotifyIdle, Queued: kept.Queued, Parked: kept.Parked, Open: t.open}
	if !kept.Delivered.IsZero() {
		at := kept.Delivered.UTC()
		s.Delivered = &at
	}
	switch {
	case kept.Paused != "":
		s.State, s.Error = api.NotifyPaused, kept.Paused
	case t.wrong != "":
		s.State, s.Error = api.NotifyFailing, t.wrong
		if !t.next.IsZero() {
			next := t.next.UTC()
			s.NextTry = &next
		}
	case kept.Queued > 0:
		s.State = api.NotifySending
	}
	if s.Error == "" && kept.Parked > 0 {
		s.Error = kept.Reason
	}
	return s
}

// problemAfter is how long a target may fail before that is a problem: a gateway
// that restarts is none.
const problemAfter = time.Minute

// Problems are what is wrong with targets now.
func (n *Notifier) Problems(ctx context.Context) ([]api.Problem, error) {
	targets, err := n.Status(ctx)
	if err != nil {
		return nil, err
	}
	var out []api.Problem
	for _, s := range targets {
		t, err := n.target(s.Name)
		if err != nil {
			continue // removed meanwhile
		}
		t.state.Lock()
		lasting := t.wrong != "" && time.Since(t.since) >= problemAfter
		t.state.Unlock()
		switch {
		case s.State == api.NotifyPaused:
			out = append(out, api.Problem{Code: "notify_refused",
				Message: fmt.Sprintf("Notifications to %s are refused: %s. %s", s.Name, s.Error, waiting(s.Queued)),
				Hint:    fmt.Sprintf(`Mend that, then run "botsync notify retry %s".`, s.Name)})
		case s.State == api.NotifyFailing && lasting:
			out = append(out, api.Problem{Code: "notify_failing",
				Message: fmt.Sprintf("Notifications to %s do not get through: %s. %s", s.Name, s.Error, waiting(s.Queued)),
				Hint:    "See whether it is running; botsync goes on trying by itself."})
		}
		if s.Parked > 0 {
			reason := s.Error
			out = append(out, api.Problem{Code: "notify_parked",
				Message: fmt.Sprintf("%d notification(s) to %s were refused and are kept: %s", s.Parked, s.Name, reason),
				Hint:    fmt.Sprintf(`Once it is mended, run "botsync notify retry %s".`, s.Name)})
		}
	}
	return out, nil
}

func waiting(n int) string {
	if n == 1 {
		return "1 waits."
	}
	return fmt.Sprintf("%d wait.", n)
}
