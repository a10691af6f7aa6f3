package engine

import (
	"bytes"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"
)

func TestPullJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "pulls")
	j := &pullJournal{path: path}
	info := func(name string) (fs.FileInfo, error) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("12345"), 0o600); err != nil {
			return nil, err
		}
		return fs.NewFilesystem(fs.FilesystemTypeBasic, dir).Lstat(name)
	}
	placed, err := info("temp")
	j.placed("first", placed, err)
	if err := os.WriteFile(path+".old", []byte(`{"name":"long ago","deleted":true,"time":"2026-01-01T00:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := j.read(); len(got) != 1 || got["first"].Size != 5 {
		t.Errorf("%+v", got)
	}
	j.since = time.Now().Add(-2 * journalAge) // what follows is another file
	j.removed("first")
	j.removed("strange \n\"name")
	j.placed("second", placed, err)
	j.removed(fs.TempName("second"))
	j.close()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"name":"cut sho`); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	got := (&pullJournal{path: path}).read()
	if len(got) != 3 || !got["first"].Deleted || !got["strange \n\"name"].Deleted || got["second"].Size != 5 || got["second"].Deleted {
		t.Errorf("%+v", got)
	}
	if got["second"].Inode != inodeOf(placed) || time.Since(got["second"].Time) > time.Minute {
		t.Errorf("%+v", got["second"])
	}
	j.clear()
	if got := j.read(); len(got) != 0 {
		t.Errorf("after clear: %+v", got)
	}
	var none *pullJournal
	none.removed("a folder without a journal")
	none.placed("the same", placed, nil)
}

// entriesOf is an index: what was here, and what the network has.
type entriesOf struct {
	fileIndex
	local, global map[string]protocol.FileInfo
}

func (e entriesOf) GetDeviceFile(_ string, _ protocol.DeviceID, name string) (protocol.FileInfo, bool, error) {
	f, ok := e.local[name]
	return f, ok, nil
}

func (e entriesOf) AllNeededGlobalFiles(string, protocol.DeviceID, config.PullOrder, int, int) (iter.Seq[protocol.FileInfo], func() error) {
	var needed []protocol.FileInfo
	for name, f := range e.global {
		if !f.Version.Equal(e.local[name].Version) {
			needed = append(needed, f)
		}
	}
	return slices.Values(needed), func() error { return nil }
}

// What a peer had done here before a kill is neither taken for the user's doing,
// nor the other way round.
func TestAdoption(t *testing.T) {
	t.Parallel()
	const name = "file"
	v0 := protocol.Vector{}.Update(1)
	v1 := v0.Copy().Update(1)
	v2 := v1.Copy().Update(1)
	long, ago := time.Hour, time.Now().Add(-time.Minute)
	entry := func(v protocol.Vector, text string, modified time.Time) protocol.FileInfo {
		f := protocol.FileInfo{Name: name, Version: v, Size: int64(len(text)), Permissions: 0o644, ModifiedS: modified.Unix(), ModifiedNs: int32(modified.Nanosecond())}
		f.RawBlockSize = protocol.MinBlockSize
		f.Blocks, _ = scanner.Blocks(t.Context(), bytes.NewReader([]byte(text)), protocol.MinBlockSize, f.Size, nil)
		return f
	}
	gone := func(v protocol.Vector) protocol.FileInfo {
		return protocol.FileInfo{Name: name, Version: v, Deleted: true}
	}
	old := entry(v0, "old", ago.Add(-long))
	pulled := func(at time.Time) *pullEntry { return &pullEntry{Name: name, Size: 6, Time: at} }
	for what, test := range map[string]struct {
		disk          string // empty for nothing
		modified      time.Time
		local, global protocol.FileInfo
		journal       *pullEntry
		want          *protocol.Vector // nil for nothing
	}{
		"in place":                           {"pulled", ago, old, entry(v1, "pulled", ago), nil, &v1},
		"in place, without its time":         {"pulled", time.Now(), old, entry(v1, "pulled", ago), pulled(time.Now()), &v1},
		"the same, made by the user":         {"pulled", time.Now(), old, entry(v1, "pulled", ago), nil, nil},
		"another one of that length":         {"edited", time.Now(), old, entry(v1, "pulled", ago), nil, nil},
		"as before":                          {"old", ago.Add(-long), old, entry(v1, "pulled", ago), nil, nil},
		"deleted":                            {"", ago, old, gone(v1), nil, &v1},
		"overtaken":                          {"pulled", ago, old, entry(v2, "newest", time.Now()), pulled(time.Now()), &v0},
		"overtaken, with the newer time":     {"pulled", ago, old, entry(v2, "newest", ago), pulled(time.Now()), &v0},
		"overtaken, and new here":            {"pulled", ago, protocol.FileInfo{}, entry(v2, "newest", time.Now()), pulled(time.Now()), &protocol.Vector{}},
		"overtaken, and edited here":         {"edited", time.Now().Add(long), old, entry(v2, "newest", time.Now()), pulled(time.Now()), nil},
		"overtaken, and longer here":         {"pulled and edited", ago, old, entry(v2, "newest", time.Now()), pulled(time.Now()), nil},
		"deleted, and made again elsewhere":  {"", ago, old, entry(v2, "newest", time.Now()), &pullEntry{Deleted: true}, &v0},
		"deleted by the user":                {"", ago, old, entry(v2, "newest", time.Now()), nil, nil},
		"put in place, deleted by the user":  {"", ago, old, entry(v2, "newest", time.Now()), pulled(time.Now()), nil},
		"deleted, and made anew by the user": {"edited", time.Now(), old, entry(v2, "newest", time.Now()), &pullEntry{Deleted: true}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fsys := fs.NewFilesystem(fs.FilesystemTypeBasic, dir)
			if test.disk != "" {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, []byte(test.disk), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(path, test.modified, test.modified); err != nil {
					t.Fatal(err)
				}
			}
			done := map[string]pullEntry{}
			if test.journal != nil {
				e := *test.journal
				if info, err := fsys.Lstat(name); err == nil {
					e.Inode = inodeOf(info)
				}
				done[name] = e
			}
			index := entriesOf{local: map[string]protocol.FileInfo{}, global: map[string]protocol.FileInfo{name: test.global}}
			if test.local.Name != "" {
				index.local[name] = test.local
			}
			got, err := adoption{ctx: t.Context(), index: index, folder: "folder", fsys: fsys}.adopt(done)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == nil {
				if len(got) > 0 {
					t.Errorf("entered %v", got)
				}
				return
			}
			if len(got) != 1 || !got[0].Version.Equal(*test.want) || got[0].Deleted != (test.disk == "") {
				t.Fatalf("entered %v, want version %v", got, *test.want)
			}
			if info, err := fsys.Lstat(name); err == nil && (got[0].Size != info.Size() || !got[0].ModTime().Equal(info.ModTime())) {
				t.Errorf("entered %v, and there is %d bytes of %v", got[0], info.Size(), info.ModTime())
			}
		})
	}
}

// A file was deleted for a peer, and a newer one of that name was about to be put in
// place: that nothing is there is not the user's doing.
func TestAdoptionOfADeletionBeforeAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fsys := fs.NewFilesystem(fs.FilesystemTypeBasic, dir)
	temp := fs.TempName("file")
	if err := os.WriteFile(filepath.Join(dir, temp), []byte("newest"), 0o644); err != nil {
		t.Fatal(err)
	}
	j := &pullJournal{path: filepath.Join(t.TempDir(), "journal")}
	defer j.close()
	info, err := fsys.Lstat(temp)
	old := protocol.Vector{}.Update(1)
	index := entriesOf{
		local:  map[string]protocol.FileInfo{"file": {Name: "file", Version: old, Size: 3}},
		global: map[string]protocol.FileInfo{"file": {Name: "file", Version: old.Copy().Update(1).Update(1), Size: 6}},
	}
	adopt := func() []protocol.FileInfo {
		got, err := adoption{ctx: t.Context(), index: index, folder: "folder", fsys: fsys}.adopt(j.read())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	j.placed("file", info, err)
	if got := adopt(); len(got) > 0 {
		t.Errorf("what the user deleted before is entered: %v", got)
	}
	j.removed("file")
	j.placed("file", info, err)
	if got := adopt(); len(got) != 1 || !got[0].Deleted || !got[0].Version.Equal(old) {
		t.Errorf("entered %v, want a deletion under the version that was here", got)
	}
	if err := os.Rename(filepath.Join(dir, temp), filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if got := adopt(); len(got) > 0 {
		t.Errorf("what the user deleted after it was put in place is entered: %v", got)
	}
}

// What is done in a folder is noted for the network that it belongs to now.
func TestJournalsFollowTheFolder(t *testing.T) {
	t.Parallel()
	root, other := t.TempDir(), t.TempDir()
	e := &Engine{dir: t.TempDir(), journals: map[string]*pullJournal{}}
	keep := func(folders ...config.FolderConfiguration) { e.keepJournals(folders) }
	noted := func(id string) int {
		return len((&pullJournal{path: filepath.Join(e.dir, "pulls-"+id+".jsonl")}).read())
	}
	keep(config.FolderConfiguration{ID: "alone", Path: root}, config.FolderConfiguration{ID: "left", Path: other})
	journalOf(root).removed("file")
	journalOf(other).removed("file")
	keep(config.FolderConfiguration{ID: "alone", Path: root + "/"})
	if noted("alone") != 1 || noted("left") != 0 || journalOf(other) != nil {
		t.Errorf("noted %d and %d", noted("alone"), noted("left"))
	}
	keep(config.FolderConfiguration{ID: "joined", Path: root})
	journalOf(root).removed("file")
	if noted("alone") != 0 || noted("joined") != 1 {
		t.Errorf("noted %d and %d", noted("alone"), noted("joined"))
	}
	e.closeJournals(false)
	if noted("joined") != 1 || journalOf(root) != nil {
		t.Errorf("after an index that was not written: %d", noted("joined"))
	}
	keep(config.FolderConfiguration{ID: "joined", Path: root})
	e.closeJournals(true)
	if noted("joined") != 0 {
		t.Errorf("after a clean end: %d", noted("joined"))
	}
}
