package daemon

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

func TestReadersSeeEveryEventInOrder(t *testing.T) {
	t.Parallel()
	const total = 3 * remembered / 2
	d := &daemon{events: newEventLog()}
	before := d.events.last()
	// Some are there before the reader comes, the others arrive as it reads.
	for range total / 3 {
		d.events.add(api.Event{Type: api.EventFolderState})
	}
	read := make(chan error, 1)
	go func() {
		want := before + 1
		read <- d.Events(t.Context(), before, func(e api.Event) error {
			if e.ID != want {
				return errors.New("an event is missing or out of order")
			}
			if want++; want == before+1+total {
				return context.Canceled // enough
			}
			return nil
		})
	}()
	for range total - total/3 {
		d.events.add(api.Event{Type: api.EventFolderState})
	}
	if err := <-read; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	l := newEventLog()
	before := l.last()
	for range 10 * remembered {
		l.add(api.Event{})
	}
	got, _ := l.since(before)
	if len(got) < remembered || len(got) > 2*remembered {
		t.Fatalf("%d events are kept", len(got))
	}
	for i, e := range got {
		if e.ID != l.last()-int64(len(got)-1-i) {
			t.Fatalf("event %d has ID %d; the last is %d", i, e.ID, l.last())
		}
	}
	if more, _ := l.since(l.last()); len(more) != 0 {
		t.Fatalf("%d events after the last", len(more))
	}
}

// A reader of the daemon before the restart goes on where it was, unless more
// than a million events a second happened.
func TestIDsRiseAcrossRestarts(t *testing.T) {
	t.Parallel()
	l := &eventLog{next: time.Now().Add(-time.Second).UnixMicro(), more: make(chan struct{})}
	for range 10_000 {
		l.add(api.Event{})
	}
	if next := newEventLog().next; next <= l.last() {
		t.Fatalf("the new log starts at %d, the old one ended at %d", next, l.last())
	}
}
