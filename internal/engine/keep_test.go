package engine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
)

// globalOf is what the network has.
type globalOf map[string]protocol.FileInfo

func (g globalOf) GetGlobalFile(_, name string) (protocol.FileInfo, bool, error) {
	f, ok := g[name]
	return f, ok, nil
}

// Whatever takes a file away or its place is preceded by keeping it, and does not
// happen if that fails.
func TestNothingGoesUnkept(t *testing.T) {
	t.Parallel()
	const conflict = "file.sync-conflict-20261122-150405-ABCDEFG"
	temp := fs.TempName("file")
	finish := func(f fs.Filesystem) error {
		file, err := f.OpenFile(temp, fs.OptReadWrite, 0o644)
		if err != nil {
			return err
		}
		_, looked := f.Lstat("gone")
		return errors.Join(file.Close(), f.Chmod(temp, 0o644), looked)
	}
	look := func(f fs.Filesystem) error { _, err := f.Lstat("file"); return err }
	peer := protocol.ShortID(1 << 60)
	for what, test := range map[string]struct {
		do   func(f fs.Filesystem) error
		want []Loss
	}{
		"deleted":           {func(f fs.Filesystem) error { return f.Remove("gone") }, []Loss{{Path: "gone", Deleted: true}}},
		"deleted, a link":   {func(f fs.Filesystem) error { return f.Remove("link") }, []Loss{{Path: "link"}}},
		"a directory":       {func(f fs.Filesystem) error { return f.Remove("empty") }, nil},
		"a temporary file":  {func(f fs.Filesystem) error { return f.Remove(temp) }, nil},
		"Syncthing's own":   {func(f fs.Filesystem) error { return f.Remove(".stfolder") }, nil},
		"unknown to others": {func(f fs.Filesystem) error { return f.Remove("unknown") }, []Loss{{Path: "unknown", Deleted: true, By: "-"}}},
		"replaced": {func(f fs.Filesystem) error {
			return errors.Join(finish(f), look(f), f.Remove("file"), f.Rename(temp, "file"))
		}, []Loss{{Path: "file"}}},
		"replaced, and written anew meanwhile": {func(f fs.Filesystem) error {
			err := errors.Join(finish(f), look(f), f.Remove("file"))
			root := f.URI()
			err = errors.Join(err, os.WriteFile(filepath.Join(root, "new"), []byte("newer"), 0o600))
			err = errors.Join(err, os.Rename(filepath.Join(root, "new"), filepath.Join(root, "file")))
			return errors.Join(err, f.Rename(temp, "file"))
		}, []Loss{{Path: "file"}, {Path: "file"}}},
		"made anew where nothing was": {func(f fs.Filesystem) error {
			return errors.Join(os.WriteFile(filepath.Join(f.URI(), "file"), []byte("newer"), 0o600), f.Rename(temp, "file"))
		}, []Loss{{Path: "file"}}},
		"a conflict copy": {func(f fs.Filesystem) error { return f.Rename("file", conflict) }, []Loss{{Path: "file", Stays: true}}},
		"a conflict copy of what is replaced": {func(f fs.Filesystem) error {
			return errors.Join(finish(f), look(f), f.Rename("file", conflict), f.Rename(temp, "file"))
		}, []Loss{{Path: "file", Stays: true}}},
		"renamed": {func(f fs.Filesystem) error {
			return errors.Join(f.Rename("gone", temp), f.Rename(temp, "other"))
		}, []Loss{{Path: "gone", Deleted: true, Stays: true}}},
	} {
		for _, fails := range []bool{false, true} {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				for _, n := range []string{"file", "gone", "unknown", ".stfolder", temp} {
					if err := os.WriteFile(filepath.Join(dir, n), []byte(n), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if err := errors.Join(os.Mkdir(filepath.Join(dir, "empty"), 0o700), os.Symlink("file", filepath.Join(dir, "link"))); err != nil {
					t.Fatal(err)
				}
				var mu sync.Mutex
				var kept []Loss
				full := errors.New("there is no room")
				lossKeepers.Store(dir, &lossKeeper{id: "n-shared", name: "shared", kept: map[string]os.FileInfo{},
					index: globalOf{"gone": {Deleted: true, ModifiedBy: peer}, "file": {ModifiedBy: peer}, "link": {ModifiedBy: peer}},
					keep: func(l Loss) error {
						mu.Lock()
						defer mu.Unlock()
						if _, err := os.Lstat(filepath.Join(dir, l.Path)); err != nil {
							t.Errorf("it has gone already: %v", err)
						}
						kept = append(kept, l)
						if fails {
							return full
						}
						return nil
					}})
				t.Cleanup(func() { lossKeepers.Delete(dir) })
				err := test.do(fs.NewFilesystem(filesystemType.ToFS(), dir))
				var want []Loss
				for _, l := range test.want {
					l.Folder = "shared"
					if l.By == "-" {
						l.By = ""
					} else {
						l.By = peer.String()
					}
					want = append(want, l)
				}
				if !fails && (err != nil || !slices.Equal(kept, want)) {
					t.Errorf("%v, kept %+v", err, kept)
				}
				if !fails || want == nil {
					return
				}
				if !errors.Is(err, full) {
					t.Errorf("an error that is not told: %v", err)
				}
				if _, err := os.Lstat(filepath.Join(dir, want[0].Path)); err != nil {
					t.Errorf("it is gone, and was not kept: %v", err)
				}
			})
		}
	}
}
