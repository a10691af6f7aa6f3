package daemon

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/activity"
	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/conflict"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/state"
)

// Of a conflict copy that may be merged nothing is told as long as it may; it is told of
// once when it stays, and never when it is gone. A kill between makes no difference.
func TestOnlyConflictsThatStayAreToldOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 11, 12, 0, time.UTC)
	copyOf := func(file string) string { return conflict.Make(file, now, engine.ShortID(selfID)) }
	path := filepath.Join(t.TempDir(), "state.db")
	var undecided []state.Undecided
	here := map[string]engine.File{}
	for _, file := range []string{"gone.log", "merged later.log", "stays.log", "waits for long.log", "of another network.log", "no copy.log"} {
		u := state.Undecided{Folder: "id", Path: copyOf(file), Since: now}
		here[u.Path] = engine.File{Path: u.Path, Size: 5, Modified: now, Deleted: file == "gone.log"}
		switch file {
		case "waits for long.log":
			u.Since = now.Add(-undecidedFor)
		case "of another network.log":
			u.Folder = "other"
		case "no copy.log":
			here[u.Path] = engine.File{Path: u.Path, Directory: true}
		}
		undecided = append(undecided, u)
	}
	later := map[string]bool{"id/" + copyOf("merged later.log"): true, "id/" + copyOf("waits for long.log"): true}
	// Each call is a daemon of its own.
	decide := func(at time.Time, later map[string]bool, enter ...state.Undecided) (told []string, left int) {
		t.Helper()
		db, err := state.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		log, err := activity.Open(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		before := log.Last()
		d := &daemon{members: &members{self: selfID}, state: db, activity: log}
		if err := log.Record(t.Context(), state.Entries{Undecided: enter}); err != nil {
			t.Fatal(err)
		}
		waiting := undecidedIn(t, db)
		entries, err := d.decided(waiting, later, map[string]string{"id": "shared"}, func(_, p string) (engine.File, bool, error) {
			f, ok := here[p]
			return f, ok, nil
		}, at)
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Record(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		events, err := db.Activity(t.Context(), state.ActivityQuery{After: before})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Type != api.EventConflict || e.Folder != "shared" || e.Device == nil || e.Device.ID != selfID || e.Size != 5 {
				t.Errorf("%+v", e)
			}
			told = append(told, e.Path)
		}
		slices.Sort(told)
		return told, len(undecidedIn(t, db))
	}
	if told, left := decide(now, later, undecided...); !slices.Equal(told, []string{copyOf("stays.log"), copyOf("waits for long.log")}) || left != 1 {
		t.Errorf("told of %q, %d left", told, left)
	}
	if told, left := decide(now.Add(time.Minute), later); len(told) > 0 || left != 1 {
		t.Errorf("told of %q, %d left, though it may still be merged", told, left)
	}
	if told, left := decide(now.Add(2*time.Minute), nil); !slices.Equal(told, []string{copyOf("merged later.log")}) || left != 0 {
		t.Errorf("told of %q, %d left", told, left)
	}
	if told, _ := decide(now.Add(time.Hour), nil); len(told) > 0 {
		t.Errorf("told twice of %q", told)
	}
}

func undecidedIn(t *testing.T, db *state.DB) []state.Undecided {
	t.Helper()
	all, err := db.UndecidedConflicts(context.Background(), undecidedPage)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
