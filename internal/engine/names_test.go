package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// Which names another system cannot hold is known as they come and go.
func namesForOthersAreKnown(t *testing.T, e *Engine, id, dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return // it cannot hold them
	}
	bad := func(system string, want ...string) {
		t.Helper()
		must(t, e.Scan(id))
		if got, err := e.Unholdable(id, system); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s cannot hold %q, want %q: %v", system, got, want, err)
		}
	}
	bad("windows")
	for _, name := range []string{"report:final.md", "nul.txt", "fine.md"} {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	bad("windows", "nul.txt", "report:final.md")
	bad("darwin")
	must(t, os.Rename(filepath.Join(dir, "nul.txt"), filepath.Join(dir, "null.txt")))
	bad("windows", "report:final.md")
	for _, name := range []string{"report:final.md", "null.txt", "fine.md"} {
		must(t, os.Remove(filepath.Join(dir, name)))
	}
	bad("windows")
}
