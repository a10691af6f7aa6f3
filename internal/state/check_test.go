package state

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

func TestCheckLooksAndChangesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	if _, err := Check(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing it says %v", err)
	}
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if latest, err := Check(t.Context(), path); err != nil || !latest.IsZero() {
		t.Errorf("of an empty one it says %v, %v", latest, err)
	}
	at := time.UnixMilli(1_700_000_000_000)
	if err := db.AddActivity(t.Context(), Entries{Events: []api.Event{{Time: at.Add(time.Hour)}, {Time: at}}}); err != nil {
		t.Fatal(err)
	}
	// While somebody has it open, and in the middle of a change.
	tx, err := db.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if latest, err := Check(t.Context(), path); err != nil || !latest.Equal(at.Add(time.Hour)) {
		t.Errorf("of one that is being changed it says %v, %v", latest, err)
	}
	if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if latest, err := Check(t.Context(), path); err != nil || !latest.Equal(at.Add(time.Hour)) {
		t.Errorf("of one that is closed it says %v, %v", latest, err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("it changed it: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Check(ended, path); !errors.Is(err, context.Canceled) {
		t.Errorf("without time it says %v", err)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for content, want := range map[string]error{strings.Repeat("no database\n", 1000): ErrDamaged, "": nil} {
		path := filepath.Join(dir, "state.db")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Check(t.Context(), path); !errors.Is(err, want) {
			t.Errorf("%.20q: %v", content, err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(t.Context(), filepath.Join(dir, "directory")); !errors.Is(err, ErrDamaged) {
		t.Errorf("a directory: %v", err)
	}
}
