package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/syncthing/syncthing/lib/config"
)

// That of the disk that tests run on, and nothing is left behind. TestForeignDisks has
// others.
func TestTraits(t *testing.T) {
	t.Parallel()
	usual := traits{caseSensitive: runtime.GOOS == "linux", modes: runtime.GOOS != "windows"}
	dir := t.TempDir()
	if got := traitsOf(dir); got != usual {
		t.Errorf("a directory: %+v", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if got := traitsOf(filepath.Join(dir, "missing")); got != usual {
		t.Errorf("a missing directory: %+v", got)
	}
	// What no file can be made in is not told from a disk that has no modes.
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := traitsOf(file); got.modes || got.caseSensitive != usual.caseSensitive {
		t.Errorf("where nothing can be made: %+v", got)
	}
}

// A disk that was mounted since is noticed, and one that is not there is not taken for
// another one.
func TestOtherDisk(t *testing.T) {
	t.Parallel()
	for _, marked := range []bool{false, true} {
		dir := t.TempDir()
		if marked {
			if err := os.Mkdir(filepath.Join(dir, config.DefaultMarkerName), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		is := traitsOf(dir)
		for _, test := range []struct {
			sensitive, ignore, want bool
		}{
			{is.caseSensitive, !is.modes, false},
			{!is.caseSensitive, !is.modes, marked},
			{is.caseSensitive, is.modes, marked},
		} {
			if got := otherDisk(config.FolderConfiguration{Path: dir, CaseSensitiveFS: test.sensitive, IgnorePerms: test.ignore}); got != test.want {
				t.Errorf("%+v, marked %v: %v", test, marked, got)
			}
		}
	}
}

func TestCaseSensitive(t *testing.T) {
	t.Parallel()
	made := func(names ...string) string {
		dir := t.TempDir()
		for _, name := range names {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return filepath.Join(dir, config.DefaultMarkerName)
	}
	usual := runtime.GOOS == "linux"
	for _, unknown := range []bool{false, true} {
		if got := caseSensitive(made(), unknown); got != unknown {
			t.Errorf("nothing is there: %v", got)
		}
		if got := caseSensitive(made(config.DefaultMarkerName), unknown); got != usual {
			t.Errorf("a directory: %v", got)
		}
	}
	if !usual {
		return
	}
	if !caseSensitive(made(config.DefaultMarkerName, ".STFOLDER"), false) {
		t.Error("two directories under both names were taken for one")
	}
	// What is found under either name is one file, as where case does not count.
	folded := made(config.DefaultMarkerName)
	if err := os.Symlink(config.DefaultMarkerName, filepath.Join(filepath.Dir(folded), ".STFOLDER")); err != nil {
		t.Fatal(err)
	}
	if caseSensitive(folded, true) {
		t.Error("one directory under both names was taken for two")
	}
}
