// Package activity is the log of what happened: it keeps events and tells them
// to those who listen, each in the same order.
//
// Events of files are written together with how far the index of their folder
// has been told (see [Log.Record]), so that whenever the daemon is killed none is
// left out and none is told twice.
package activity

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/state"
)

const (
	// remembered is how many events are held for readers that are about up to
	// date; others read the store.
	remembered = 4096
	page       = 512     // events read from the store at a time
	maxQueued  = 100_000 // events that wait to be written
	retryPause = time.Second
)

// Store keeps events. Its methods are those of [state.DB].
type Store interface {
	AddActivity(ctx context.Context, entries state.Entries) error
	Activity(ctx context.Context, q state.ActivityQuery) ([]api.Event, error)
	LastActivity(ctx context.Context) (int64, error)
}

// Log is the log. Its methods can be called by several goroutines.
type Log struct {
	store Store

	writing sync.Mutex // held while events are written and told; before mu

	mu     sync.Mutex
	last   int64       // ID of the latest event that is kept
	recent []api.Event // the latest, passing ones as well
	told   int64       // events ever told; recent are the last of them
	more   chan struct{}
	queue  []api.Event
	queued chan struct{} // there may be something in queue

	followers atomic.Int64
}

// Open continues the log that store holds.
func Open(ctx context.Context, store Store) (*Log, error) {
	last, err := store.LastActivity(ctx)
	if err != nil {
		return nil, err
	}
	return &Log{store: store, last: last, more: make(chan struct{}), queued: make(chan struct{}, 1)}, nil
}

// Add takes an event and never blocks. A passing one is told at once, any other
// when Run has written it. Its time is set here, unless it is.
func (l *Log) Add(e api.Event) {
	e.Schema = api.Schema
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Passing() {
		e.ID = l.last
		l.tell(e)
		return
	}
	if len(l.queue) >= maxQueued {
		slog.Error("An event is lost: too many wait to be written", "type", e.Type)
		return
	}
	l.queue = append(l.queue, e)
	select {
	case l.queued <- struct{}{}:
	default:
	}
}

// Run writes what was added until ctx ends, and then what is left.
func (l *Log) Run(ctx context.Context) {
	for {
		select {
		case <-l.queued:
		case <-ctx.Done():
			if err := l.flush(context.WithoutCancel(ctx)); err != nil {
				slog.Error("Events are lost", "error", err)
			}
			return
		}
		if err := l.flush(ctx); err != nil && ctx.Err() == nil {
			slog.Error("Events are not written; it is tried again", "error", err)
			select {
			case <-time.After(retryPause):
				select {
				case l.queued <- struct{}{}:
				default:
				}
			case <-ctx.Done():
			}
		}
	}
}

// flush writes what is in the queue.
func (l *Log) flush(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	events := l.queue
	l.mu.Unlock()
	if len(events) == 0 {
		return nil
	}
	if err := l.write(ctx, state.Entries{Events: events}); err != nil {
		return err
	}
	l.mu.Lock()
	l.queue = append([]api.Event(nil), l.queue[len(events):]...)
	l.mu.Unlock()
	return nil
}

// Record writes entries, all of them or none, and tells the events.
func (l *Log) Record(ctx context.Context, entries state.Entries) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.write(ctx, entries)
}

// write must be called with writing held.
func (l *Log) write(ctx context.Context, entries state.Entries) error {
	entries.Events = append([]api.Event(nil), entries.Events...)
	for i := range entries.Events {
		entries.Events[i].Schema = api.Schema
	}
	if err := l.store.AddActivity(ctx, entries); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(entries.Events); n > 0 {
		l.last = entries.Events[n-1].ID
		l.tell(entries.Events...)
	}
	return nil
}

// tell must be called with mu held.
func (l *Log) tell(events ...api.Event) {
	l.recent = append(l.recent, events...)
	if len(l.recent) >= 2*remembered { // copied now and then instead of every time
		l.recent = append([]api.Event(nil), l.recent[len(l.recent)-remembered:]...)
	}
	l.told += int64(len(events))
	close(l.more)
	l.more = make(chan struct{})
}

// Last returns the ID of the latest event that is kept.
func (l *Log) Last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// More returns a channel that is closed when there is another event.
func (l *Log) More() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.more
}

// Since returns events that are kept, with IDs above id, at most limit of them.
func (l *Log) Since(ctx context.Context, id int64, limit int) ([]api.Event, error) {
	if id >= l.Last() {
		return nil, nil
	}
	return l.store.Activity(ctx, state.ActivityQuery{After: id, Limit: limit})
}

// Follow calls emit for each event with an ID above since that is kept, then for
// each new one, passing ones as well, until ctx ends or emit fails. A negative
// since means new ones only.
func (l *Log) Follow(ctx context.Context, since int64, emit func(api.Event) error) error {
	l.followers.Add(1)
	defer l.followers.Add(-1)
	l.mu.Lock()
	read, last := l.told, l.last
	l.mu.Unlock()
	if since < 0 {
		since = last
	}
	if since > last {
		return api.Errorf(api.CodeUsage, "Leave it out to begin with the next event.",
			"the cursor %d is above the latest event, %d: it is not of this root", since, last)
	}
	for {
		// What is kept up to last comes from the store, what was told after it from
		// memory, unless the reader was too slow for that.
		for since < last {
			events, err := l.store.Activity(ctx, state.ActivityQuery{After: since, Before: last + 1, Limit: page})
			if err != nil {
				return err
			}
			for _, e := range events {
				if err := emit(e); err != nil {
					return err
				}
			}
			if len(events) == 0 {
				break // those in between were pruned
			}
			since = events[len(events)-1].ID
		}
		since = last
		for {
			events, more, ok := l.after(read)
			if !ok {
				l.mu.Lock()
				read, last = l.told, l.last
				l.mu.Unlock()
				break
			}
			for _, e := range events {
				if err := emit(e); err != nil {
					return err
				}
				since = e.ID
			}
			if read += int64(len(events)); len(events) > 0 {
				continue
			}
			select {
			case <-more:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// Followed reports whether somebody waits for the next event.
func (l *Log) Followed() bool { return l.followers.Load() > 0 }

// after returns what was told after the first n events, and a channel that is
// closed when there is more; false if not all of it is in memory any more.
func (l *Log) after(n int64) ([]api.Event, <-chan struct{}, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	behind := int(l.told - n)
	if behind > len(l.recent) {
		return nil, nil, false
	}
	return append([]api.Event(nil), l.recent[len(l.recent)-behind:]...), l.more, true
}

// Query returns the events that are chosen.
func (l *Log) Query(ctx context.Context, q state.ActivityQuery) ([]api.Event, error) {
	events, err := l.store.Activity(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return events, nil
}
