package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/syncthing/syncthing/lib/fs"
)

// A file that is replaced is never absent, whatever Syncthing does to get the old
// one out of the way; one that is deleted goes, also when it was about to be
// replaced before.
func TestReplacedFilesStay(t *testing.T) {
	t.Parallel()
	const name, copied = "file", "file.sync-conflict-20261122-150405-ABCDEFG"
	temp := fs.TempName(name)
	type step func(f fs.Filesystem) error
	chmod := func(f fs.Filesystem) error { return f.Chmod(temp, 0o644) }
	look := func(f fs.Filesystem) error { _, err := f.Lstat(name); return err }
	remove := func(f fs.Filesystem) error { return f.Remove(name) }
	copyAway := func(f fs.Filesystem) error { return f.Rename(name, copied) }
	abandon := func(f fs.Filesystem) error { return f.Remove(temp) }
	for what, test := range map[string]struct {
		steps []step
		there bool
		copy  bool
	}{
		"replaced":                        {[]step{chmod, look, remove}, true, false},
		"replaced, and copied":            {[]step{chmod, look, copyAway}, true, true},
		"replaced again":                  {[]step{chmod, look, remove, chmod, look, remove}, true, false},
		"deleted":                         {[]step{look, remove}, false, false},
		"deleted after it stayed":         {[]step{chmod, look, remove, look, remove}, false, false},
		"deleted since it has changed":    {[]step{chmod, look, look, remove}, false, false},
		"deleted without a look":          {[]step{chmod, remove}, false, false},
		"deleted, nothing to replace it":  {[]step{chmod, look, abandon, remove}, false, false},
		"copied away, nothing comes":      {[]step{look, copyAway}, false, true},
		"copied away, after it was there": {[]step{chmod, look, look, copyAway}, false, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for n, text := range map[string]string{name: "old", temp: "new"} {
				if err := os.WriteFile(filepath.Join(dir, n), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			fsys := fs.NewFilesystem(filesystemType.ToFS(), dir)
			for i, step := range test.steps {
				if err := step(fsys); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
			}
			for n, want := range map[string]bool{name: test.there, copied: test.copy} {
				if data, err := os.ReadFile(filepath.Join(dir, n)); (err == nil) != want || want && string(data) != "old" {
					t.Errorf("%s: %q, %v", n, data, err)
				}
			}
			if !test.there {
				return
			}
			if err := fsys.Rename(temp, name); err != nil {
				t.Fatal(err)
			}
			if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != "new" {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
}
