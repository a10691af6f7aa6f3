package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/syncthing/syncthing/lib/fs"
)

// What was written to a file that a kill has left out of its place is under its name
// again after the next start or, if that was taken, beside it.
func TestFilesAreBackInTheirPlacesAfterAKill(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before func(gone, path, kept string) error
		at     map[string]string // what is left, by a pattern
	}{
		"it was written to": {func(gone, _, _ string) error { return os.WriteFile(gone, []byte("new"), 0o600) },
			map[string]string{"sub/name": "new", "kept/sub/name": "", "sub/.syncthing.*": ""}},
		"another one took its place": {func(gone, _, _ string) error { return replaceFile(gone, "another") },
			map[string]string{"sub/name": "another", "sub/.syncthing.*": ""}},
		"it was made again": {func(gone, path, _ string) error {
			if err := os.WriteFile(path, []byte("newer"), 0o600); err != nil {
				return err
			}
			return os.WriteFile(gone, []byte("new"), 0o600)
		}, map[string]string{"sub/name": "newer", "sub/name.*": "new", "kept/sub/name": "", "sub/.syncthing.*": ""}},
		"it was put back already": {func(gone, path, _ string) error {
			if err := os.WriteFile(gone, []byte("new"), 0o600); err != nil {
				return err
			}
			return os.Link(gone, path)
		}, map[string]string{"sub/name": "new", "sub/name.*": "", "kept/sub/name": "", "sub/.syncthing.*": ""}},
		"it is empty": {func(_, _, _ string) error { return nil }, map[string]string{"sub/name": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			emptied := filepath.Join(root, "kept")
			file, kept := filepath.Join(root, "sub", "name"), filepath.Join(emptied, "sub", "name")
			gone := filepath.Join(root, fs.TempName(filepath.Join("sub", goneOf("name")+"RANDOM")))
			for _, dir := range []string{filepath.Dir(file), filepath.Dir(kept)} {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(gone, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(gone, kept); err != nil {
				t.Fatal(err)
			}
			if err := tt.before(gone, file, kept); err != nil {
				t.Fatal(err)
			}
			putBackGone(root, emptied)
			putBackGone(root, emptied)
			mustHold(t, root, tt.at)
		})
	}
	putBackGone(t.TempDir(), filepath.Join(t.TempDir(), "none"))
}
