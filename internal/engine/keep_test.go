package engine

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
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

// What a program puts into the place of a file between keeping it and taking it
// away is kept as well, and if that fails stays.
func TestWhatComesMeanwhileIsKept(t *testing.T) {
	t.Parallel()
	temp := fs.TempName("file")
	for what, test := range map[string]struct {
		do   func(f fs.Filesystem) error
		left string // what is there in the end
	}{
		"deleted": {func(f fs.Filesystem) error { return f.Remove("file") }, ""},
		"replaced": {func(f fs.Filesystem) error {
			file, err := f.OpenFile(temp, fs.OptReadWrite, 0o644)
			if err != nil {
				return err
			}
			err = errors.Join(file.Close(), f.Chmod(temp, 0o644))
			_, looked := f.Lstat("file")
			return errors.Join(err, looked, f.Remove("file"), f.Rename(temp, "file"))
		}, "from a peer"},
		"made where nothing was": {func(f fs.Filesystem) error { return f.Rename(temp, "file") }, "from a peer"},
	} {
		if runtime.GOOS != "linux" && test.left != "" {
			continue // which cannot exchange two files
		}
		for _, fails := range []bool{false, true} {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				for name, text := range map[string]string{"file": "before", temp: "from a peer"} {
					if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				var kept []string
				lossKeepers.Store(dir, &lossKeeper{id: "n-shared", name: "shared", kept: map[string]os.FileInfo{}, index: globalOf{},
					keep: func(l Loss) error {
						from := l.Path
						if l.From != "" {
							from = l.From
						}
						data, err := os.ReadFile(filepath.Join(dir, from))
						if err != nil || l.Path != "file" {
							t.Errorf("%+v: %v", l, err)
						}
						if len(kept) > 0 && fails {
							return errors.New("there is no room")
						}
						if kept = append(kept, string(data)); len(kept) > 1 {
							return nil
						}
						// As an editor writes.
						return errors.Join(os.Link(filepath.Join(dir, "file"), filepath.Join(dir, "kept")),
							os.WriteFile(filepath.Join(dir, "new"), []byte("meanwhile"), 0o600), os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "file")))
					}})
				t.Cleanup(func() { lossKeepers.Delete(dir) })
				err := test.do(fs.NewFilesystem(filesystemType.ToFS(), dir))
				data, _ := os.ReadFile(filepath.Join(dir, "file"))
				if !fails && (err != nil || !slices.Equal(kept, []string{"before", "meanwhile"}) || string(data) != test.left) {
					t.Errorf("%v, kept %q, and there is %q", err, kept, data)
				}
				if fails && (err == nil || string(data) != "meanwhile") {
					t.Errorf("not kept, and there is %q: %v", data, err)
				}
				if names, _ := filepath.Glob(filepath.Join(dir, "*gone*")); len(names) > 0 {
					t.Errorf("left behind: %q", names)
				}
			})
		}
	}
}

// What a program writes into a file while a copy of it is made is kept as well.
func TestWhatIsWrittenMeanwhileIsKept(t *testing.T) {
	t.Parallel()
	temp := fs.TempName("file")
	for what, do := range map[string]func(f fs.Filesystem) error{
		"deleted":  func(f fs.Filesystem) error { return f.Remove("file") },
		"replaced": func(f fs.Filesystem) error { return f.Rename(temp, "file") },
	} {
		if runtime.GOOS != "linux" && what == "replaced" {
			continue // which cannot exchange two files
		}
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range map[string]string{"file": "before", temp: "from a peer"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var kept []string
			lossKeepers.Store(dir, &lossKeeper{id: "n-shared", name: "shared", kept: map[string]os.FileInfo{}, index: globalOf{},
				keep: func(l Loss) error {
					from := l.Path
					if l.From != "" {
						from = l.From
					}
					data, err := os.ReadFile(filepath.Join(dir, from))
					if kept = append(kept, string(data)); err != nil || len(kept) > 1 {
						return err
					}
					return os.WriteFile(filepath.Join(dir, "file"), []byte("before, and more"), 0o600) // in place
				}})
			t.Cleanup(func() { lossKeepers.Delete(dir) })
			if err := do(fs.NewFilesystem(filesystemType.ToFS(), dir)); err != nil || !slices.Equal(kept, []string{"before", "before, and more"}) {
				t.Errorf("%v, kept %q", err, kept)
			}
		})
	}
}

// A directory that is in the way is not moved out of it.
func TestNoDirectoryIsExchanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	temp := fs.TempName("dir")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "dir"), 0o700), os.WriteFile(filepath.Join(dir, "dir", "file"), []byte("x"), 0o600),
		os.WriteFile(filepath.Join(dir, temp), []byte("y"), 0o600)); err != nil {
		t.Fatal(err)
	}
	lossKeepers.Store(dir, &lossKeeper{kept: map[string]os.FileInfo{}, index: globalOf{}, keep: func(Loss) error { return nil }})
	t.Cleanup(func() { lossKeepers.Delete(dir) })
	if err := fs.NewFilesystem(filesystemType.ToFS(), dir).Rename(temp, "dir"); err == nil {
		t.Error("a file took the place of a directory")
	}
	if data, err := os.ReadFile(filepath.Join(dir, "dir", "file")); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
}
