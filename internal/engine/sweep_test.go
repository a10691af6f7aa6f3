package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/events"
)

func scanning(folder string) events.Event {
	return events.Event{Type: events.StateChanged, Data: map[string]any{"folder": folder, "from": "idle", "to": "scanning"}}
}

func TestSweepsAfterAChange(t *testing.T) {
	t.Parallel()
	s := newSweeper()
	start := time.Now()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	// look does what is due, as the engine would, and reports whether it was.
	look := func(now time.Time, took time.Duration, err error) bool {
		t.Helper()
		folder, wait := s.next(now)
		if folder == "" {
			if wait <= 0 {
				t.Fatalf("nothing is due, and the wait is %v", wait)
			}
			return false
		}
		if err == nil {
			s.note(scanning(folder), now) // its own
		}
		s.done(folder, now.Add(took), took, err)
		return true
	}
	if look(start, 0, nil) {
		t.Fatal("a look before anything happened")
	}
	s.note(scanning("a"), start)
	for _, step := range []struct {
		at   time.Duration
		want bool
	}{
		{sweepSoon - 1, false}, {sweepSoon, true}, {sweepSoon + 1, false},
		{sweepLate - 1, false}, {sweepLate, true}, {sweepLate + 1, false}, {time.Hour, false},
	} {
		if got := look(at(step.at), time.Millisecond, nil); got != step.want {
			t.Fatalf("after %v: %v", step.at, got)
		}
	}

	// What a look finds makes for others.
	s.note(events.Event{Type: events.LocalIndexUpdated, Data: map[string]any{"folder": "a"}}, at(time.Hour))
	if !look(at(time.Hour+sweepSoon), time.Second, nil) {
		t.Fatal("no look after a change of the index")
	}
	// That one took a second: others wait, for the sake of who writes there.
	s.note(scanning("a"), at(time.Hour+2*sweepSoon))
	if look(at(time.Hour+5*sweepSoon), 0, nil) {
		t.Fatal("a look too soon after one that took long")
	}
	if !look(at(time.Hour+sweepSoon+time.Second+sweepShare*time.Second), 0, nil) {
		t.Fatal("no look when its time had come")
	}
}

func TestAFailedSweepHasNoEvent(t *testing.T) {
	t.Parallel()
	s := newSweeper()
	now := time.Now()
	s.note(scanning("a"), now)
	now = now.Add(sweepLate)
	if folder, _ := s.next(now); folder != "a" {
		t.Fatalf("%q is due", folder)
	}
	s.done("a", now, 0, errors.New("folder path missing"))
	s.note(scanning("a"), now) // so this is somebody's
	if folder, _ := s.next(now.Add(sweepSoon)); folder != "a" {
		t.Fatalf("%q is due after a change", folder)
	}
}

// The event of a look may be lost. The next one is somebody else's.
func TestALostEventIsNotMissed(t *testing.T) {
	t.Parallel()
	s := newSweeper()
	now := time.Now()
	s.note(scanning("a"), now)
	now = now.Add(sweepLate)
	if folder, _ := s.next(now); folder != "a" {
		t.Fatalf("%q is due", folder)
	}
	s.done("a", now, 0, nil)
	now = now.Add(ownLate)
	s.note(scanning("a"), now)
	if folder, _ := s.next(now.Add(sweepSoon)); folder != "a" {
		t.Fatalf("%q is due after a change", folder)
	}
}

func TestOtherEventsMeanNothing(t *testing.T) {
	t.Parallel()
	s := newSweeper()
	now := time.Now()
	for _, ev := range []events.Event{
		{Type: events.StateChanged, Data: map[string]any{"folder": "a", "to": "idle"}},
		{Type: events.DeviceConnected, Data: map[string]string{"id": "x"}},
		{Type: events.RemoteIndexUpdated, Data: map[string]any{"folder": "a", "device": "x"}},
		{Type: events.StateChanged},
	} {
		s.note(ev, now)
	}
	if folder, _ := s.next(now.Add(time.Hour)); folder != "" {
		t.Fatalf("%q is due", folder)
	}
}
