package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/needs"
	"github.com/botsync/botsync/internal/watch"
)

// oneGlobal is an index in which every name has the same entry.
type oneGlobal struct{ file protocol.FileInfo }

func (o oneGlobal) GetGlobalFile(_, name string) (protocol.FileInfo, bool, error) {
	file := o.file
	file.Name = name
	return file, true, nil
}

// ownTimes keeps times apart as the layer over Syncthing's database does.
type ownTimes struct {
	arrivals        *arrivals
	name            string
	onDisk, virtual time.Time
}

func (o *ownTimes) GetMtime(_, name string) (onDisk, virtual time.Time) {
	if name != o.name {
		return time.Time{}, time.Time{}
	}
	return o.onDisk, o.virtual
}

func (o *ownTimes) PutMtime(_, name string, onDisk, virtual time.Time) error {
	if !o.arrivals.owns(name) {
		o.name, o.onDisk, o.virtual = name, onDisk, virtual
	}
	return nil
}

func (o *ownTimes) DeleteMtime(string, string) error {
	o.name = ""
	return nil
}

// A file has its time from the moment in which it has its name; and what a program writes
// before Syncthing has seen to that shows, also if it leaves the size as it was.
func TestFilesArriveWithTheirTimes(t *testing.T) {
	t.Parallel()
	const name = "file"
	given := time.Date(2020, 5, 17, 8, 30, 0, 123456789, time.UTC)
	later := given.Add(time.Hour) // the network has something newer than what arrives
	write := func(t *testing.T, path string) {
		if err := os.WriteFile(path, []byte("edited!"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for what, test := range map[string]struct {
		global time.Time
		meddle func(t *testing.T, path string)
		edited bool
	}{
		"left alone":           {global: given},
		"of an older version":  {global: later},
		"written to":           {global: given, meddle: write, edited: true},
		"older and written to": {global: later, meddle: write, edited: true},
		"replaced by a program": {global: given, edited: true, meddle: func(t *testing.T, path string) {
			write(t, path+".new")
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			a := newArrivals("folder", oneGlobal{protocol.FileInfo{ModifiedS: test.global.Unix(), ModifiedNs: int32(test.global.Nanosecond())}})
			arrivalsByRoot.Store(root, a)
			queue := watch.NewQueue(watch.Settle{})
			noticing.Store(root, queue)
			t.Cleanup(func() { arrivalsByRoot.Delete(root); noticing.Delete(root) })
			times := &ownTimes{arrivals: a}
			fsys := fs.NewFilesystem(fs.FilesystemType(filesystemType), root, fs.NewMtimeOption(times, "folder"))
			temp, path := fs.TempName(name), filepath.Join(root, name)
			if err := os.WriteFile(filepath.Join(root, temp), []byte("arrives"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := fsys.Rename(temp, name); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(test.global) {
				t.Fatalf("it has got its name at %v, %v; want %v", info.ModTime(), err, test.global)
			}
			if test.meddle != nil {
				test.meddle(t, path)
			}
			queue.Take() // that it has arrived
			_ = fsys.Chtimes(name, given, given)
			if looked := len(queue.Take()) > 0; looked != test.edited {
				t.Errorf("it was looked at again: %v", looked)
			}
			info, err := fsys.Lstat(name)
			if err != nil || info.ModTime().Equal(given) == test.edited {
				t.Errorf("Syncthing sees it with the time %v, %v; it was given %v", info.ModTime(), err, given)
			}
			// What Syncthing does to it from then on is done.
			if err := fsys.Chtimes(name, later, later); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(later) {
				t.Errorf("it was given another time, and has %v, %v", info.ModTime(), err)
			}
		})
	}
}

// A file that did not get its name has nothing to do with one that gets its time there.
func TestTimesOfWhatDoesNotArrive(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	given := time.Date(2020, 5, 17, 8, 30, 0, 0, time.UTC)
	arrivalsByRoot.Store(root, newArrivals("folder", oneGlobal{protocol.FileInfo{ModifiedS: given.Unix()}}))
	t.Cleanup(func() { arrivalsByRoot.Delete(root) })
	fsys := fs.NewFilesystem(fs.FilesystemType(filesystemType), root)
	for _, path := range []string{fs.TempName("dir"), filepath.Join("dir", "file")} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := fsys.Rename(fs.TempName("dir"), "dir"); err == nil {
		t.Fatal("a file got the name of a directory")
	}
	if err := fsys.Chtimes("dir", given, given); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(root, "dir")); err != nil || !info.ModTime().Equal(given) {
		t.Errorf("the directory has the time %v, %v", info.ModTime(), err)
	}
}

// What comes from a disk without modes has that of what it replaces, whether that is still
// there or has gone a moment before.
func TestModesStay(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		needs.Skip(t, "this test needs modes")
	}
	const name = "file"
	for what, test := range map[string]struct {
		global protocol.FileInfo
		goes   bool
		want   os.FileMode
	}{
		"it is there":       {global: protocol.FileInfo{NoPermissions: true}, want: 0o750},
		"it has gone":       {global: protocol.FileInfo{NoPermissions: true}, goes: true, want: 0o750},
		"the other has its": {global: protocol.FileInfo{Permissions: 0o600}, goes: true, want: 0o600},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			arrivalsByRoot.Store(root, newArrivals("folder", oneGlobal{test.global}))
			t.Cleanup(func() { arrivalsByRoot.Delete(root) })
			fsys := fs.NewFilesystem(fs.FilesystemType(filesystemType), root)
			path, temp := filepath.Join(root, name), fs.TempName(name)
			must(t, os.WriteFile(path, []byte("old"), 0o600), os.Chmod(path, 0o750), os.WriteFile(filepath.Join(root, temp), []byte("new"), 0o600))
			if test.goes {
				must(t, fsys.Remove(name))
			}
			must(t, fsys.Rename(temp, name))
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != test.want {
				t.Errorf("it has the mode %v, %v, want %v", info.Mode(), err, test.want)
			}
		})
	}
}
