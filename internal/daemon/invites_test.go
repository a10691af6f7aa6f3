package daemon

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/activity"
	"github.com/botsync/botsync/internal/state"
)

// An invite that has ended by the time that passed is not open again because the
// clock was set back, neither at once nor after a restart.
func TestInvitesEndThoughTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := state.Open(ctx, filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	d := &daemon{state: db, log: slog.New(slog.DiscardHandler)}
	if d.activity, err = activity.Open(ctx, db); err != nil {
		t.Fatal(err)
	}
	is := newInvites(d, ctx)
	add := func(id string, left time.Duration) state.Invite {
		t.Helper()
		inv := state.Invite{ID: id, Keys: []byte("no keys"), ExpiresAt: time.Now().Add(left)}
		if err := db.AddInvite(ctx, inv); err != nil {
			t.Fatal(err)
		}
		return inv
	}
	mustBeOpen := func(want int) {
		t.Helper()
		if open, err := db.OpenInvites(ctx, time.Now().Add(-time.Hour)); err != nil || len(open) != want {
			t.Fatalf("%d are open, want %d: %v", len(open), want, err)
		}
	}
	running := &invite{Invite: add("running", 5*time.Minute)}
	add("other", 5*time.Minute)
	is.ended(running, context.DeadlineExceeded)
	mustBeOpen(1)
	add("of a clock that was ahead", 3*time.Hour)
	mustBeOpen(2)
	if err := is.resume(ctx); err != nil {
		t.Fatal(err)
	}
	mustBeOpen(1)
}
