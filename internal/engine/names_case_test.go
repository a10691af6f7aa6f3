package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
)

// A name is taken by what differs from it in case alone and stays, on a disk that finds
// the one under the name of the other. TestForeignDisks has such a disk; here there is a
// link in its place.
func TestTakenNames(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cfg := config.FolderConfiguration{ID: "f", FilesystemType: filesystemType, Path: root}
	if err := os.WriteFile(filepath.Join(root, "Report.md"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		name     string
		mine     string // that this device has in its index
		deleted  bool   // what all are to have is that Report.md is gone
		unlisted bool   // it is not found under the other name
		want     string
	}{
		"it is another one":         {name: "report.md", want: "Report.md"},
		"it is this one":            {name: "Report.md"},
		"it is had already":         {name: "report.md", mine: "report.md"},
		"the other one goes":        {name: "report.md", deleted: true},
		"there is none":             {name: "other.md"},
		"names are different there": {name: "report.md", unlisted: true},
	} {
		t.Run(what, func(t *testing.T) {
			store := newMapStore()
			if test.mine != "" {
				must(t, store.Update("f", protocol.LocalDeviceID, []protocol.FileInfo{{Name: test.mine, Version: counted(1)}}))
			}
			must(t, store.Update("f", otherDevice, []protocol.FileInfo{{Name: "Report.md", Version: counted(2), Deleted: test.deleted}}))
			found := foldedFS{fs.NewFilesystem(fs.FilesystemTypeBasic, root), !test.unlisted}
			if got, ok := taken(over(store), cfg.ID, found, test.name); got != test.want || ok != (test.want != "") {
				t.Errorf("%q, %v, want %q", got, ok, test.want)
			}
		})
	}
}

// foldedFS finds Report.md under the name report.md.
type foldedFS struct {
	fs.Filesystem
	folds bool
}

func (f foldedFS) Lstat(name string) (fs.FileInfo, error) {
	if f.folds && name == "report.md" {
		name = "Report.md"
	}
	return f.Filesystem.Lstat(name)
}

// Of what comes, all but one of the names that differ in case alone is left out, and said
// to have failed, each time anew; where case counts nothing is.
func TestClashesAreLeftOut(t *testing.T) {
	t.Parallel()
	store := newMapStore()
	l := over(store)
	for n, name := range []string{"A", "a", "b", "sub/C", "sub/c"} {
		must(t, store.Update("f", otherDevice, []protocol.FileInfo{{Name: name, Version: counted(uint64(n) + 1), Deleted: name == "b"}}))
	}
	for _, sensitive := range []bool{false, true} {
		cfg := config.New(protocol.DeviceID{})
		cfg.Folders = []config.FolderConfiguration{{ID: "f", Path: t.TempDir(), CaseSensitiveFS: sensitive}}
		e := &Engine{cfg: config.Wrap("", cfg, protocol.DeviceID{}, nil), db: nil}
		for range 2 {
			clashes, left := e.clashingIn("f", l), 0
			for _, name := range []string{"A", "a", "b", "B", "sub/C", "sub/c"} {
				if clashes != nil && clashes(protocol.FileInfo{Name: name, Deleted: name == "b"}) {
					left++
				}
			}
			if want := map[bool]int{false: 2, true: 0}[sensitive]; left != want || len(e.clashes.of("f")) != want {
				t.Errorf("%d are left out, %v, want %d", left, e.clashes.of("f"), want)
			}
		}
	}
}
