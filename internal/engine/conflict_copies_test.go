package engine

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/conflict"
)

// knownFiles is an index of which only single entries are read.
type knownFiles struct {
	fileIndex
	here, global map[string]protocol.FileInfo
}

func (k knownFiles) GetDeviceFile(_ string, _ protocol.DeviceID, name string) (protocol.FileInfo, bool, error) {
	f, ok := k.here[name]
	return f, ok, nil
}

func (k knownFiles) GetGlobalFile(_, name string) (protocol.FileInfo, bool, error) {
	f, ok := k.global[name]
	return f, ok, nil
}

// copiesIn is a folder with an index, the names of copies that were made in it, and
// short IDs of two devices.
func copiesIn(t *testing.T, files map[string]string) (dir string, fsys fs.Filesystem, index knownFiles, made *[]string) {
	dir = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, name), copiedAt, copiedAt); err != nil {
			t.Fatal(err)
		}
	}
	index, made = knownFiles{here: map[string]protocol.FileInfo{}, global: map[string]protocol.FileInfo{}}, new([]string)
	copyNamers.Store(dir, &copyNamer{folder: "f", index: index, made: func(name string) { *made = append(*made, name) }})
	t.Cleanup(func() { copyNamers.Delete(dir) })
	return dir, fs.NewFilesystem(filesystemType.ToFS(), dir), index, made
}

var copiedAt = time.Date(2026, 11, 22, 10, 11, 12, 500, time.UTC)

const (
	deviceOne = protocol.ShortID(1 << 60)
	deviceTwo = protocol.ShortID(1 << 61)
)

func contentsOf(t *testing.T, dir string) map[string]string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(data)
	}
	return out
}

// A version that loses is named by when and by whom it was made, and takes no name
// that another version has.
func TestConflictCopyNames(t *testing.T) {
	t.Parallel()
	first := conflict.Make("a.md", copiedAt, deviceOne.String())
	second := conflict.Make("a.md", copiedAt.Add(time.Second), deviceOne.String())
	third := conflict.Make("a.md", copiedAt.Add(2*time.Second), deviceOne.String())
	long := strings.Repeat("ö", 120) + ".md"
	for what, test := range map[string]struct{ before, after map[string]string }{
		"free":         {map[string]string{"a.md": "x"}, map[string]string{first: "x"}},
		"taken":        {map[string]string{"a.md": "x", first: "y"}, map[string]string{first: "y", second: "x"}},
		"taken, twice": {map[string]string{"a.md": "x", first: "y", second: "zz"}, map[string]string{first: "y", second: "zz", third: "x"}},
		"there":        {map[string]string{"a.md": "x", first: "x"}, map[string]string{first: "x"}},
		"long":         {map[string]string{long: "x"}, map[string]string{conflict.Make(long, copiedAt, deviceOne.String()): "x"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir, fsys, index, made := copiesIn(t, test.before)
			name := "a.md"
			if _, ok := test.before[long]; ok {
				name = long
			}
			index.here[name] = protocol.FileInfo{Name: name, ModifiedBy: deviceOne}
			ext := filepath.Ext(name)
			// What Syncthing asks for: the time of the conflict, and who made the other version.
			if err := fsys.Rename(name, strings.TrimSuffix(name, ext)+".sync-conflict-20270101-000000-"+deviceTwo.String()+ext); err != nil {
				t.Fatal(err)
			}
			if got := contentsOf(t, dir); !maps.Equal(got, test.after) {
				t.Errorf("%q, want %q", got, test.after)
			}
			if len(*made) != 1 || test.after[(*made)[0]] != "x" {
				t.Errorf("told of %q", *made)
			}
		})
	}
	_, fsys, _, _ := copiesIn(t, nil)
	if err := fsys.Rename("a.md", first); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err)
	}
}

// A conflict copy that is itself in conflict is not lost when it is deleted or
// replaced, as Syncthing would have it.
func TestConflictCopyInConflict(t *testing.T) {
	t.Parallel()
	name := conflict.Make("a.md", copiedAt.Add(-time.Hour), deviceTwo.String())
	saved := conflict.Make("a.md", copiedAt, deviceOne.String())
	vector := func(one, two uint64) protocol.Vector {
		return protocol.Vector{Counters: []protocol.Counter{{ID: deviceOne, Value: one}, {ID: deviceTwo, Value: two}}}
	}
	entry := func(v protocol.Vector) protocol.FileInfo {
		return protocol.FileInfo{Name: name, ModifiedBy: deviceOne, Version: v}
	}
	deleted := entry(vector(1, 2))
	deleted.Deleted = true
	known := entry(vector(3, 3))
	for what, test := range map[string]struct {
		file   string
		global protocol.FileInfo
		kept   []string
	}{
		"in conflict":                 {name, entry(vector(1, 2)), []string{saved}},
		"in conflict with a deletion": {name, deleted, []string{saved}},
		"the other knew of it":        {name, known, nil},
		"no copy":                     {"a.md", entry(vector(1, 2)), nil},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir, fsys, index, made := copiesIn(t, map[string]string{test.file: "edited"})
			index.here[test.file], index.global[test.file] = entry(vector(2, 1)), test.global
			if err := fsys.Remove(test.file); err != nil {
				t.Fatal(err)
			}
			got := contentsOf(t, dir)
			if !slices.Equal(slices.Collect(maps.Keys(got)), test.kept) || !slices.Equal(*made, test.kept) {
				t.Errorf("kept %q, told of %q, want %q", got, *made, test.kept)
			}
			for _, text := range got {
				if text != "edited" {
					t.Errorf("%q", text)
				}
			}
		})
	}
}
