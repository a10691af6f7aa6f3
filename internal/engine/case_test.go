package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/syncthing/syncthing/lib/config"
)

func TestCaseSensitive(t *testing.T) {
	t.Parallel()
	made := func(names ...string) string {
		dir := filepath.Join(t.TempDir(), "shared")
		for _, name := range names {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	usual := runtime.GOOS == "linux" // of the disk that tests run on
	if got := caseSensitive(made("")); got != usual {
		t.Errorf("a directory: %v", got)
	}
	if got := caseSensitive(filepath.Join(t.TempDir(), "missing")); got != usual {
		t.Errorf("a missing directory: %v", got)
	}
	if got := caseSensitive(made(config.DefaultMarkerName)); got != usual {
		t.Errorf("a folder: %v", got)
	}
	if !usual {
		return
	}
	if !caseSensitive(made(config.DefaultMarkerName, ".STFOLDER")) {
		t.Error("two directories under both names were taken for one")
	}
	// What is found under either name is one file, as where case does not count.
	folded := made(config.DefaultMarkerName)
	if err := os.Symlink(config.DefaultMarkerName, filepath.Join(folded, ".STFOLDER")); err != nil {
		t.Fatal(err)
	}
	if caseSensitive(folded) {
		t.Error("one directory under both names was taken for two")
	}
}
