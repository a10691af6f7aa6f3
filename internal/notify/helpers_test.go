package notify

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// memStore is an outbox in memory. It fails as a whole once broken is set.
type memStore struct {
	mu      sync.Mutex
	targets map[string]api.OutboxTarget
	rows    []memRow
	times   map[string][]time.Time
	lastID  int64
	commits int // how often rows were removed
}

type memRow struct {
	api.Outgoing
	target, parked string
}

func newMemStore() *memStore {
	return &memStore{targets: map[string]api.OutboxTarget{}, times: map[string][]time.Time{}}
}

func (m *memStore) OutboxTargets(context.Context) (map[string]api.OutboxTarget, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]api.OutboxTarget{}
	for name, t := range m.targets {
		for _, r := range m.rows {
			switch {
			case r.target != name:
			case r.parked != "":
				t.Parked++
				t.Reason = r.parked
			default:
				t.Queued++
			}
		}
		out[name] = t
	}
	return out, nil
}

func (m *memStore) AddOutboxTarget(_ context.Context, name string, position int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.targets[name]; !ok {
		m.targets[name] = api.OutboxTarget{Name: name, Position: position}
	}
	return nil
}

func (m *memStore) DropOutboxTarget(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.targets, name)
	m.rows = slices.DeleteFunc(m.rows, func(r memRow) bool { return r.target == name })
	return nil
}

func (m *memStore) change(name string, f func(*api.OutboxTarget)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.targets[name]
	if !ok {
		return fmt.Errorf("no target %q", name)
	}
	f(&t)
	m.targets[name] = t
	return nil
}

func (m *memStore) PassOutbox(_ context.Context, name string, position int64) error {
	return m.change(name, func(t *api.OutboxTarget) { t.Position = position })
}

func (m *memStore) Enqueue(_ context.Context, name string, out api.Outgoing, position int64) error {
	return m.change(name, func(t *api.OutboxTarget) {
		t.Position = position
		m.lastID++
		out.ID = m.lastID
		m.rows = append(m.rows, memRow{Outgoing: out, target: name})
		m.times[name] = append(m.times[name], out.At)
	})
}

func (m *memStore) EnqueuedSince(_ context.Context, name string, since, now time.Time) ([]time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []time.Time
	for _, at := range m.times[name] {
		if at.After(since) && !at.After(now) {
			out = append(out, at)
		}
	}
	return out, nil
}

func (m *memStore) Outbox(_ context.Context, name string, limit, _ int) ([]api.Outgoing, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []api.Outgoing
	for _, r := range m.rows {
		if r.target == name && r.parked == "" && len(out) < limit {
			out = append(out, r.Outgoing)
		}
	}
	return out, nil
}

func (m *memStore) Delivered(_ context.Context, name string, ids []int64, at time.Time) error {
	return m.change(name, func(t *api.OutboxTarget) {
		m.commits++
		t.Delivered = at
		m.rows = slices.DeleteFunc(m.rows, func(r memRow) bool { return slices.Contains(ids, r.ID) })
	})
}

func (m *memStore) row(id int64, f func(*memRow)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.rows {
		if m.rows[i].ID == id {
			f(&m.rows[i])
		}
	}
	return nil
}

func (m *memStore) CountAttempt(_ context.Context, id int64) error {
	return m.row(id, func(r *memRow) { r.Attempts++ })
}

func (m *memStore) Park(_ context.Context, id int64, reason string) error {
	return m.row(id, func(r *memRow) { r.parked = reason })
}

func (m *memStore) PauseOutbox(_ context.Context, name, reason string) error {
	return m.change(name, func(t *api.OutboxTarget) { t.Paused = reason })
}

func (m *memStore) RetryOutbox(_ context.Context, name string) error {
	return m.change(name, func(t *api.OutboxTarget) {
		t.Paused = ""
		for i := range m.rows {
			if m.rows[i].target == name {
				m.rows[i].parked, m.rows[i].Attempts = "", 0
			}
		}
	})
}

// memLog is a log of events in memory.
type memLog struct {
	mu     sync.Mutex
	events []api.Event
	more   chan struct{}
}

func newMemLog() *memLog { return &memLog{more: make(chan struct{})} }

func (l *memLog) Since(_ context.Context, id int64, limit int) ([]api.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id >= int64(len(l.events)) {
		return nil, nil
	}
	out := l.events[id:]
	return slices.Clone(out[:min(len(out), limit)]), nil
}

func (l *memLog) More() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.more
}

func (l *memLog) Last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.events))
}

// add appends events as the daemon does.
func (l *memLog) add(events ...api.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		e.Schema, e.ID, e.Time = api.Schema, int64(len(l.events)+1), time.Now()
		l.events = append(l.events, e)
	}
	close(l.more)
	l.more = make(chan struct{})
}

var (
	vps    = api.Device{ID: "VPS", Name: "vps", Role: api.RoleAgent}
	laptop = api.Device{ID: "LAPTOP", Name: "laptop", Role: api.RoleHuman}
)

func received(path, action string, size int64) api.Event {
	return api.Event{Type: api.EventFileReceived, Device: &laptop, Folder: "inbox", Path: path, Action: action, Kind: api.KindFile, Size: size}
}

func options(s Store, l Source) Options {
	return Options{Store: s, Source: l, Version: "v1.2.3", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Filter: Filter{Self: vps.ID, Folders: []string{"inbox", "shared"}}, Here: Here{Device: vps, Root: "/home/me/sync"},
		Debounce: 2 * time.Second, MaxWait: 10 * time.Second, MaxPerHour: 60}
}

// begin starts a Notifier, and ends it with the test or when the function that
// it returns is called.
func begin(t *testing.T, o Options, targets ...api.NotifyTarget) (*Notifier, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	n, err := New(ctx, o, targets)
	if err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		cancel()
		n.Wait()
	})
	t.Cleanup(end)
	return n, end
}
