package activity

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/state"
)

func open(t testing.TB) (*Log, *state.DB) {
	t.Helper()
	db, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	l, err := Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return l, db
}

func files(n int) state.Entries {
	return state.Entries{Events: make([]api.Event, n)}
}

var errEnough = errors.New("enough")

// Some events are there before a reader comes, some arrive as it reads, and it is
// at times too slow to read from memory: it sees each once, in order.
func TestReadersSeeEveryEventInOrder(t *testing.T) {
	t.Parallel()
	const before, total = 1000, 3 * remembered
	l, _ := open(t)
	if err := l.Record(t.Context(), files(before)); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for _, since := range []int64{0, before / 2, before} {
		resume := make(chan struct{})
		waiting := make(chan struct{})
		readers.Go(func() {
			want := since + 1
			err := l.Follow(t.Context(), since, func(e api.Event) error {
				if e.ID != want {
					t.Errorf("since %d: event %d, want %d", since, e.ID, want)
					return errEnough
				}
				if e.ID == before+10 {
					close(waiting)
					<-resume
				}
				if want++; want > before+total {
					return errEnough
				}
				return nil
			})
			if !errors.Is(err, errEnough) {
				t.Error(err)
			}
		})
		go func() { <-waiting; <-done(l, before+total); close(resume) }()
	}
	for range total / 64 {
		if err := l.Record(t.Context(), files(64)); err != nil {
			t.Fatal(err)
		}
	}
	readers.Wait()
}

// Without a cursor a reader begins with what comes next.
func TestReadingFromNow(t *testing.T) {
	t.Parallel()
	const before = 10
	l, _ := open(t)
	if err := l.Record(t.Context(), files(before)); err != nil {
		t.Fatal(err)
	}
	got := make(chan int64, 1)
	read := make(chan error, 1)
	go func() {
		first := int64(0)
		read <- l.Follow(t.Context(), -1, func(e api.Event) error {
			if first == 0 {
				first = e.ID
				got <- e.ID
			}
			if e.ID == first+2 {
				return errEnough
			}
			return nil
		})
	}()
	for {
		if err := l.Record(t.Context(), files(1)); err != nil {
			t.Fatal(err)
		}
		select {
		case id := <-got:
			if id <= before {
				t.Errorf("began with event %d", id)
			}
		case err := <-read:
			if !errors.Is(err, errEnough) {
				t.Error(err)
			}
			return
		default:
		}
	}
}

// done is closed when the log has come to an event.
func done(l *Log, id int64) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		for {
			more := l.More()
			if l.Last() >= id {
				return
			}
			<-more
		}
	}()
	return c
}

// What is passing is told to those who listen, between the events that are kept,
// and no more.
func TestPassingEvents(t *testing.T) {
	t.Parallel()
	l, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	run := make(chan struct{})
	go func() { defer close(run); l.Run(ctx) }()
	got := make(chan api.Event)
	read := make(chan error)
	go func() {
		read <- l.Follow(ctx, 0, func(e api.Event) error { got <- e; return nil })
	}()
	l.Add(api.Event{Type: api.EventPeerAdded})
	if e := <-got; e.ID != 1 || e.Type != api.EventPeerAdded || e.Schema != api.Schema || e.Time.IsZero() {
		t.Errorf("got %+v", e)
	}
	l.Add(api.Event{Type: api.EventFolderState, State: api.FolderIdle})
	if e := <-got; e.ID != 1 || e.State != api.FolderIdle {
		t.Errorf("got %+v", e)
	}
	l.Add(api.Event{Type: api.EventInviteOpened})
	if e := <-got; e.ID != 2 {
		t.Errorf("got %+v", e)
	}
	cancel()
	if err := <-read; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-run
	kept, err := l.Since(t.Context(), 0, 10)
	if err != nil || len(kept) != 2 {
		t.Errorf("kept %+v, %v", kept, err)
	}
	if err := l.Follow(t.Context(), 3, nil); err == nil {
		t.Error("a cursor of another root is taken")
	}
}

// What was added before the end is written at the end.
func TestAddedBeforeTheEnd(t *testing.T) {
	t.Parallel()
	l, db := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		l.Add(api.Event{Type: api.EventInviteOpened})
	}
	l.Run(ctx)
	again, err := Open(t.Context(), db)
	if err != nil || again.Last() != 10 {
		t.Errorf("%v, %v", again.Last(), err)
	}
}

type failing struct {
	*state.DB
	left int // failures to come
}

func (f *failing) AddActivity(ctx context.Context, e state.Entries) error {
	if f.left > 0 {
		f.left--
		return errors.New("disk full")
	}
	return f.DB.AddActivity(ctx, e)
}

// Events that could not be written are written later; entries that could not be
// are the business of who made them.
func TestStoreThatFails(t *testing.T) {
	t.Parallel()
	_, db := open(t)
	l, err := Open(t.Context(), &failing{db, 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Record(t.Context(), files(1)); err == nil || l.Last() != 0 {
		t.Errorf("last %d, %v", l.Last(), err)
	}
	l.Add(api.Event{Type: api.EventPeerAdded})
	ctx, cancel := context.WithCancel(t.Context())
	run := make(chan struct{})
	go func() { defer close(run); l.Run(ctx) }()
	<-done(l, 1)
	cancel()
	<-run
}

// Whatever is pruned, the IDs go on rising across restarts.
func TestIDsRise(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	var last int64
	kept := 0
	for _, step := range []struct{ events, keep int }{{0, 10}, {5, 0}, {0, 10}, {7, 3}, {1, 100}} {
		db, err := state.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Open(t.Context(), db)
		if err != nil || l.Last() != last {
			t.Fatalf("last %d, want %d: %v", l.Last(), last, err)
		}
		if err := l.Record(t.Context(), files(step.events)); err != nil {
			t.Fatal(err)
		}
		last += int64(step.events)
		if err := db.PruneActivity(t.Context(), time.Time{}, step.keep, last); err != nil {
			t.Fatal(err)
		}
		kept = min(kept+step.events, step.keep)
		got, err := l.Since(t.Context(), 0, 100)
		if err != nil || len(got) != kept || kept > 0 && got[kept-1].ID != last {
			t.Fatalf("%+v: kept %+v, want %d: %v", step, got, kept, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Whether somebody waits is known while he does.
func TestWhetherSomebodyFollows(t *testing.T) {
	t.Parallel()
	l, _ := open(t)
	if err := l.Record(t.Context(), files(1)); err != nil {
		t.Fatal(err)
	}
	if l.Followed() {
		t.Error("nobody follows yet")
	}
	err := l.Follow(t.Context(), 0, func(api.Event) error {
		if !l.Followed() {
			t.Error("somebody follows")
		}
		return errEnough
	})
	if !errors.Is(err, errEnough) || l.Followed() {
		t.Errorf("nobody follows any more: %v", err)
	}
}
