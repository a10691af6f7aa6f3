package engine

import (
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/events"
)

// eventLog is Syncthing's event logger, and keeps the events that the engine acts on
// until they are taken. To a subscriber who has not taken the last 64 the logger gives
// no event after 15 ms (events.BufferSize, events.eventLogTimeout): on a busy machine
// that would be a change of the records that nobody looks at, or a peer that seems to
// be connected for ever.
type eventLog struct {
	events.Logger
	mask events.EventType

	mu   sync.Mutex
	kept []events.Event // as many as come while one is acted on: whoever acts must not block
	wake chan struct{}  // has an element when there are some
}

func newEventLog(mask events.EventType) *eventLog {
	return &eventLog{Logger: events.NewLogger(), mask: mask, wake: make(chan struct{}, 1)}
}

// Log is called by whatever part of Syncthing something happens in.
func (l *eventLog) Log(t events.EventType, data any) {
	if t&l.mask != 0 {
		l.mu.Lock()
		l.kept = append(l.kept, events.Event{Time: time.Now(), Type: t, Data: data})
		l.mu.Unlock()
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	l.Logger.Log(t, data)
}

// take returns what was kept, in order, and keeps it no more.
func (l *eventLog) take() []events.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.kept
	l.kept = nil
	return out
}
