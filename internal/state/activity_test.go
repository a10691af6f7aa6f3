package state

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/botsync/botsync/internal/api"
)

// counted are events with small and large counts.
func counted() []api.Event {
	at := time.UnixMilli(1_800_000_000_000)
	events := []api.Event{
		{Type: api.EventHeld, Folder: "shared", Files: math.MaxInt32},
		{Type: api.EventResumed, Folder: "shared", Files: 7},
		{Type: api.EventIgnoresChanged, Folder: "shared", Files: 3, Before: math.MaxInt32},
		{Type: api.EventIgnoresChanged, Folder: "shared", Before: 2},
		{Type: api.EventFileReceived, Folder: "shared", Path: "a", Action: api.ActionNew, Kind: api.KindFile, Size: 3<<32 | 5},
	}
	for i := range events {
		events[i].Schema, events[i].ID, events[i].Time = api.Schema, int64(i+1), at
	}
	return events
}

func TestEventsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	db, want := open(t, filepath.Join(t.TempDir(), "state.db")), counted()
	if err := db.AddActivity(t.Context(), Entries{Events: counted()}); err != nil {
		t.Fatal(err)
	}
	got, err := db.Activity(t.Context(), ActivityQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Events from before the counts had columns say the same after the migration.
func TestCountsInSizeAreMigrated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	if _, err := db.db.Exec(`ALTER TABLE activity DROP COLUMN files; ALTER TABLE activity DROP COLUMN files_before; PRAGMA user_version = 4`); err != nil {
		t.Fatal(err)
	}
	want := counted()
	for _, e := range want {
		size := e.Size
		switch e.Type {
		case api.EventHeld, api.EventResumed:
			size = int64(e.Files)
		case api.EventIgnoresChanged:
			size = int64(e.Files)<<32 | int64(e.Before)
		}
		if _, err := db.db.Exec(`INSERT INTO activity (at, type, folder, path, action, kind, size) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			e.Time.UnixMilli(), e.Type, e.Folder, e.Path, e.Action, e.Kind, size); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, path).Activity(t.Context(), ActivityQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
