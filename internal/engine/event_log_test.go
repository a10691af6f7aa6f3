package engine

import (
	"testing"

	"github.com/syncthing/syncthing/lib/events"
)

// However many events come while one is acted on, none is lost, and they are in order.
func TestEventsAreKept(t *testing.T) {
	t.Parallel()
	l := newEventLog(events.StateChanged | events.DeviceConnected)
	served := make(chan error, 1)
	go func() { served <- l.Serve(t.Context()) }()
	const n = 10 * events.BufferSize
	for i := range n {
		l.Log(events.StateChanged, i)
		l.Log(events.DownloadProgress, i)
	}
	<-l.wake
	got := l.take()
	if len(got) != n {
		t.Fatalf("%d events, want %d", len(got), n)
	}
	for i, ev := range got {
		if ev.Type != events.StateChanged || ev.Data != i || ev.Time.IsZero() {
			t.Fatalf("event %d is %+v", i, ev)
		}
	}
	if again := l.take(); len(again) > 0 {
		t.Errorf("again: %v", again)
	}
	l.Log(events.DeviceConnected, nil)
	<-l.wake
	if got := l.take(); len(got) != 1 {
		t.Errorf("%d events, want 1", len(got))
	}
}
