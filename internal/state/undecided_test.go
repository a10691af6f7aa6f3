package state

import (
	"path/filepath"
	"testing"
	"time"
)

// What is settled is what was read: a conflict copy that has come again meanwhile
// stays undecided.
func TestWhatHasComeAgainIsNotSettled(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	now := time.UnixMilli(1_800_000_000_000)
	enter := func(e Entries) []Undecided {
		t.Helper()
		if err := db.AddActivity(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		left, err := db.UndecidedConflicts(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	at := func(after time.Duration) []Undecided {
		return []Undecided{{Folder: "f", Path: "copy", Since: now.Add(after)}}
	}
	read := enter(Entries{Undecided: at(1234 * time.Microsecond)}) // more exact than what is kept
	again := enter(Entries{Undecided: at(time.Second)})
	if left := enter(Entries{Settled: read}); len(left) != 1 || !left[0].Since.Equal(now.Add(time.Second)) {
		t.Errorf("left after the first was settled: %v", left)
	}
	if left := enter(Entries{Settled: again}); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
