package notify

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// fullDisk is an outbox that cannot be written for its first minute.
type fullDisk struct {
	*memStore
	until time.Time
}

func (f fullDisk) err() error {
	if time.Now().Before(f.until) {
		return errors.New("no space left on device")
	}
	return nil
}

func (f fullDisk) Enqueue(ctx context.Context, name string, out api.Outgoing, position int64) error {
	if err := f.err(); err != nil {
		return err
	}
	return f.memStore.Enqueue(ctx, name, out, position)
}

func (f fullDisk) Delivered(ctx context.Context, name string, ids []int64, at time.Time) error {
	if err := f.err(); err != nil {
		return err
	}
	return f.memStore.Delivered(ctx, name, ids, at)
}

func TestFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		store := fullDisk{newMemStore(), time.Now().Add(time.Minute)}
		s := &scripted{answers: []answer{{}}}
		o := options(store, log)
		o.newSender = func(api.NotifyTarget) (sender, error) { return s, nil }
		n, end := begin(t, o, quiet)
		synctest.Wait()
		for i := range 10 {
			log.add(received(fmt.Sprint(i), "new", 1))
			time.Sleep(3 * time.Second)
		}
		if st, err := n.Status(t.Context()); err != nil || st[0].Error == "" {
			t.Errorf("it is not shown: %+v, %v", st, err)
		}
		time.Sleep(2 * time.Minute)
		if st, err := n.Status(t.Context()); err != nil || st[0].Error != "" {
			t.Errorf("it is still shown: %+v, %v", st, err)
		}
		end()
		if got := s.attempts(); len(got) != 1 || store.targets["quiet"].Position != 10 || len(store.rows) != 0 {
			t.Errorf("%d notifications, position %d, %d left", len(got), store.targets["quiet"].Position, len(store.rows))
		}
	})
}

// A target that is away for very long fills no disk: the open batch takes on what
// comes, and all of it is told in the end.
func TestTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, log := newMemStore(), newMemLog()
		_ = store.AddOutboxTarget(t.Context(), "quiet", 0)
		for range maxWaiting - 1 {
			store.rows = append(store.rows, memRow{Outgoing: api.Outgoing{ID: store.lastID + 1}, target: "quiet"})
			store.lastID++
		}
		s := &scripted{answers: []answer{{verdict: retry, text: "503"}}}
		o := options(store, log)
		o.Debounce, o.MaxPerHour, o.newSender = 0, 0, func(api.NotifyTarget) (sender, error) { return s, nil }
		n, end := begin(t, o, quiet)
		synctest.Wait()
		for i := range 50 {
			log.add(received(fmt.Sprint(i), "new", 1))
			synctest.Wait()
		}
		st, err := n.Status(t.Context())
		if err != nil || st[0].Queued != maxWaiting || st[0].Open != 49 {
			t.Errorf("%+v, %v", st, err)
		}
		s.answer(answer{})
		time.Sleep(time.Hour)
		end()
		if got := s.attempts(); store.targets["quiet"].Position != 50 || len(store.rows) != 0 || len(got) < maxWaiting+1 {
			t.Errorf("%d attempts, position %d, %d left", len(got), store.targets["quiet"].Position, len(store.rows))
		}
	})
}
