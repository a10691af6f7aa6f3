package engine

import (
	"path/filepath"
	"testing"
)

// That other patterns hold is told once, with the counts before and after, also if
// they changed while the daemon was off; that the count changed is not.
func TestChangedIgnoresAreToldOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "told.json")
	open := func() *toldIgnores {
		var told toldIgnores
		told.read(path)
		return &told
	}
	told := open()
	for n, step := range []struct {
		patterns string
		count    int
		restart  bool
		before   int
		tell     bool
	}{
		{"a", 5, false, 0, false}, // the first time
		{"a", 5, false, 5, false},
		{"a", 7, false, 5, false},
		{"b", 9, false, 7, true},
		{"b", 9, false, 9, false},
		{"b", 9, true, 9, false},
		{"b", 8, true, 9, false},
		{"c", 0, true, 8, true},
		{"c", 0, true, 0, false},
	} {
		if step.restart {
			told = open()
		}
		if before, tell := told.next(step.patterns, step.count); tell != step.tell || before != step.before {
			t.Errorf("step %d: %d, %v", n, before, tell)
		}
	}
}
