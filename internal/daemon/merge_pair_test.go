package daemon

import (
	"os"
	"testing"
)

// A directory in the place of a file is no reason to try again and again.
func TestADirectoryIsNotMerged(t *testing.T) {
	t.Parallel()
	dir, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := dir.Mkdir("a.log", 0o700); err != nil {
		t.Fatal(err)
	}
	p := pair{dir: dir}
	if s, err := p.open("logs/a.log"); err == nil || !cannotMerge(err) {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := p.open("logs/gone.log"); err == nil || cannotMerge(err) {
		t.Errorf("a file that may come back is given up: %v", err)
	}
}
