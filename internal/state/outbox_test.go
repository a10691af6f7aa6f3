package state

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

func TestOutbox(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), open(t, filepath.Join(t.TempDir(), "state.db"))
	now := time.Now().Truncate(time.Millisecond)
	check := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	target := func(name string) api.OutboxTarget {
		t.Helper()
		all, err := db.OutboxTargets(ctx)
		check(err)
		return all[name]
	}
	keys := func(name string, limit, maxBytes int) (out string) {
		t.Helper()
		list, err := db.Outbox(ctx, name, limit, maxBytes)
		check(err)
		for _, o := range list {
			out += o.Key
		}
		return out
	}
	put := func(name, key string, at time.Time, position int64) {
		t.Helper()
		check(db.Enqueue(ctx, name, api.Outgoing{Key: key, Body: []byte("body " + key), At: at}, position))
	}
	check(db.AddOutboxTarget(ctx, "x", 7), db.AddOutboxTarget(ctx, "x", 9), db.AddOutboxTarget(ctx, "y", 5))
	if got := target("x"); got.Position != 7 {
		t.Errorf("a target that existed moved to %d", got.Position)
	}
	if position, err := db.OutboxPosition(ctx); err != nil || position != 5 {
		t.Errorf("events from %d on are kept, %v", position, err)
	}
	for i, key := range []string{"a", "b", "c", "d"} {
		put("x", key, now.Add(time.Duration(i)*time.Minute), int64(10+i))
		put("y", "y", now, int64(10+i))
	}
	if err := db.Enqueue(ctx, "z", api.Outgoing{Key: "z", At: now}, 1); err == nil {
		t.Error("a target that does not exist got something")
	}
	if got := keys("x", 10, 1<<20) + keys("x", 2, 1<<20) + keys("x", 10, 7) + keys("z", 10, 1<<20); got != "abcd"+"ab"+"ab" {
		t.Errorf("read %s", got)
	}
	list, err := db.Outbox(ctx, "x", 10, 1<<20)
	check(err)
	if o := list[1]; string(o.Body) != "body b" || !o.At.Equal(now.Add(time.Minute)) || o.Attempts != 0 {
		t.Errorf("%+v", o)
	}
	check(db.CountAttempt(ctx, list[0].ID), db.Park(ctx, list[1].ID, "400"), db.PauseOutbox(ctx, "x", "401"))
	if got := target("x"); got.Queued != 3 || got.Parked != 1 || got.Reason != "400" || got.Paused != "401" || got.Position != 13 || !got.Delivered.IsZero() {
		t.Errorf("%+v", got)
	}
	if got := keys("x", 10, 1<<20); got != "acd" {
		t.Errorf("read %s", got)
	}
	check(db.Delivered(ctx, "x", []int64{list[0].ID, list[2].ID}, now))
	if got := keys("x", 10, 1<<20); got != "d" || !target("x").Delivered.Equal(now) || target("y").Queued != 4 {
		t.Errorf("read %s, %+v", got, target("x"))
	}
	check(db.RetryOutbox(ctx, "x"))
	if got := keys("x", 10, 1<<20); got != "bd" || target("x").Paused != "" {
		t.Errorf("read %s, %+v", got, target("x"))
	}
	times, err := db.EnqueuedSince(ctx, "x", now, now.Add(2*time.Minute))
	check(err)
	if len(times) != 2 || !times[0].Equal(now.Add(time.Minute)) || !times[1].Equal(now.Add(2*time.Minute)) {
		t.Errorf("put there at %v", times)
	}
	// Those of before an hour are forgotten, and those of a clock that was ahead.
	put("x", "e", now.Add(-time.Minute), 14)
	times, err = db.EnqueuedSince(ctx, "x", now.Add(-time.Hour), now.Add(time.Hour))
	check(err)
	if len(times) != 1 {
		t.Errorf("put there at %v", times)
	}
	check(db.PassOutbox(ctx, "y", 20), db.DropOutboxTarget(ctx, "x"))
	if all, err := db.OutboxTargets(ctx); err != nil || len(all) != 1 || all["y"].Position != 20 || keys("x", 10, 1<<20) != "" {
		t.Errorf("%+v, %v", all, err)
	}
}
