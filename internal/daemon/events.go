package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// remembered is how many events a reader can be behind.
const remembered = 10_000

// eventLog keeps the latest events and wakes those who wait for more.
type eventLog struct {
	mu     sync.Mutex
	next   int64 // ID of the next event
	events []api.Event
	more   chan struct{} // closed when there is another event
}

// newEventLog starts the IDs at the time, so that those of a daemon that was
// restarted are above those of the one before.
func newEventLog() *eventLog {
	return &eventLog{next: time.Now().UnixMicro(), more: make(chan struct{})}
}

// add stores an event; its ID and, unless it is set, its time are set here.
func (l *eventLog) add(e api.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Schema, e.ID = api.Schema, l.next
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	l.next++
	if len(l.events) >= 2*remembered { // copied now and then instead of every time
		l.events = append(l.events[:0:0], l.events[len(l.events)-remembered:]...)
	}
	l.events = append(l.events, e)
	close(l.more)
	l.more = make(chan struct{})
}

// since returns the events with an ID above id, and a channel that is closed
// when there are more.
func (l *eventLog) since(id int64) ([]api.Event, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == 0 {
		return nil, l.more
	}
	first := max(id+1-l.events[0].ID, 0)
	if first >= int64(len(l.events)) {
		return nil, l.more
	}
	return append([]api.Event(nil), l.events[first:]...), l.more
}

func (l *eventLog) last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next - 1
}

// Events calls emit for what happened after since, as it happens.
func (d *daemon) Events(ctx context.Context, since int64, emit func(api.Event) error) error {
	if since < 0 {
		since = d.events.last()
	}
	for {
		events, more := d.events.since(since)
		for _, e := range events {
			if err := emit(e); err != nil {
				return err
			}
			since = e.ID
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
