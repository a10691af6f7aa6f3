package swap

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What takes the place of the file in the last moment is kept as well.
func TestReplaceWhatIsReplaced(t *testing.T) {
	t.Parallel()
	dir, path, keep, kept := open(t, map[string]string{"to": "old", "with": "new", "editor": "newer"})
	first := true
	if err := Replace(dir, "to", "with", func(name string) error {
		err := keep(name)
		if first {
			first = false
			err = errors.Join(err, os.Rename(filepath.Join(path, "editor"), filepath.Join(path, "to")))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got := kept(); read(filepath.Join(path, "to")) != "new" || len(got) != 2 || got[0] != "old" || got[1] != "newer" {
		t.Errorf("kept %q", got)
	}
}
