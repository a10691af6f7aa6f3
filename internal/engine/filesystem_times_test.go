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

// oneGlobal is an index in which every name has the same entry, and this device one file.
type oneGlobal struct{ file, mine protocol.FileInfo }

func (o oneGlobal) GetGlobalFile(_, name string) (protocol.FileInfo, bool, error) {
	file := o.file
	file.Name = name
	return file, true, nil
}

func (o oneGlobal) GetDeviceFile(_ string, _ protocol.DeviceID, name string) (protocol.FileInfo, bool, error) {
	return o.mine, o.mine.Name == name, nil
}

func (oneGlobal) noMtimes(string) bool { return true }

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
			a := newArrivals("folder", true, oneGlobal{file: protocol.FileInfo{ModifiedS: test.global.Unix(), ModifiedNs: int32(test.global.Nanosecond())}})
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
	arrivalsByRoot.Store(root, newArrivals("folder", true, oneGlobal{file: protocol.FileInfo{ModifiedS: given.Unix()}}))
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

// A file that was not given its time when it got its name is given the next one, whatever
// was written to it in between: that is in the index by then.
func TestTimesThatNeverCame(t *testing.T) {
	t.Parallel()
	at := time.Date(2020, 5, 17, 8, 30, 0, 0, time.UTC)
	edited, next := at.Add(time.Hour), at.Add(2*time.Hour)
	const content = "was edited since"
	scanned := protocol.FileInfo{Name: "file", Size: int64(len(content)), ModifiedS: edited.Unix()}
	for what, test := range map[string]struct {
		mine protocol.FileInfo // in the index
		age  time.Duration     // since it got its name
		want time.Time
	}{
		"long ago":                  {mine: scanned, age: time.Minute, want: next},
		"long ago, and not scanned": {mine: protocol.FileInfo{Name: "file", ModifiedS: at.Unix()}, age: time.Minute, want: edited},
		"just now":                  {mine: scanned, want: edited},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			a := newArrivals("folder", true, oneGlobal{file: protocol.FileInfo{ModifiedS: at.Unix()}, mine: test.mine})
			arrivalsByRoot.Store(root, a)
			t.Cleanup(func() { arrivalsByRoot.Delete(root) })
			fsys := fs.NewFilesystem(fs.FilesystemType(filesystemType), root)
			temp, path := fs.TempName("file"), filepath.Join(root, "file")
			must(t, os.WriteFile(filepath.Join(root, temp), nil, 0o600), fsys.Rename(temp, "file"))
			must(t, os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, edited, edited))
			placed := a.placed["file"]
			placed.at = placed.at.Add(-test.age)
			a.placed["file"] = placed
			must(t, fsys.Chtimes("file", next, next))
			if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(test.want) {
				t.Errorf("it has the time %v, %v; want %v", info.ModTime(), err, test.want)
			}
		})
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
			arrivalsByRoot.Store(root, newArrivals("folder", true, oneGlobal{file: test.global}))
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

// Where no mode is set, what is replaced is there at all times as well, if all of what
// replaces it was written.
func TestReplacedWithoutModes(t *testing.T) {
	t.Parallel()
	const name, content = "file", "new"
	for what, test := range map[string]struct {
		modes  bool // of the disk
		global protocol.FileInfo
		write  string
		want   bool
	}{
		"the disk has none":        {write: content, want: true},
		"the other one had none":   {modes: true, global: protocol.FileInfo{NoPermissions: true}, write: content, want: true},
		"a mode is still to come":  {modes: true, write: content},
		"a part was there already": {write: content[:1]},
		"nothing was written":      {},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			arrivalsByRoot.Store(root, newArrivals("folder", test.modes, oneGlobal{file: test.global}))
			t.Cleanup(func() { arrivalsByRoot.Delete(root) })
			fsys := fs.NewFilesystem(fs.FilesystemType(filesystemType), root)
			path, temp := filepath.Join(root, name), fs.TempName(name)
			must(t, os.WriteFile(path, []byte("old"), 0o600))
			f, err := fsys.OpenFile(temp, fs.OptReadWrite|fs.OptCreate, 0o600)
			must(t, err, f.Truncate(int64(len(content))))
			if test.write != "" {
				_, err = f.WriteAt([]byte(test.write), 0)
			}
			must(t, err, f.Close())
			_, err = fsys.Lstat(name)
			must(t, err, fsys.Remove(name))
			if _, err := os.Stat(path); (err == nil) != test.want {
				t.Errorf("it is there: %v, want %v", err == nil, test.want)
			}
		})
	}
}

// A file that somebody has written to, and nobody has scanned yet, keeps its time when a
// peer says that only time or mode are other ones.
func TestOnlyTheTimeChanges(t *testing.T) {
	t.Parallel()
	at := time.Date(2020, 5, 17, 8, 30, 0, 0, time.UTC)
	for what, test := range map[string]struct {
		mine protocol.FileInfo
		own  bool
	}{
		"as the index has it":  {mine: protocol.FileInfo{Name: "file", Size: 4, ModifiedS: at.Unix()}},
		"written to":           {mine: protocol.FileInfo{Name: "file", Size: 4, ModifiedS: at.Unix() - 1}, own: true},
		"of another size":      {mine: protocol.FileInfo{Name: "file", Size: 5, ModifiedS: at.Unix()}, own: true},
		"not in the index yet": {mine: protocol.FileInfo{Name: "other"}},
		"deleted":              {mine: protocol.FileInfo{Name: "file", Deleted: true}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			path := filepath.Join(root, "file")
			must(t, os.WriteFile(path, []byte("four"), 0o600), os.Chtimes(path, at, at))
			arrivalsByRoot.Store(root, newArrivals("folder", true, oneGlobal{mine: test.mine}))
			t.Cleanup(func() { arrivalsByRoot.Delete(root) })
			fsys := fs.NewFilesystem(fs.FilesystemType(filesystemType), root)
			must(t, fsys.Chtimes("file", at.Add(time.Hour), at.Add(time.Hour)))
			if info, err := os.Stat(path); err != nil || info.ModTime().Equal(at) != test.own {
				t.Errorf("it has the time %v, %v", info.ModTime(), err)
			}
		})
	}
}

// What is changed on a disk without modes keeps the mode that it had, in the index.
func TestModesInTheIndex(t *testing.T) {
	t.Parallel()
	l := over(newMapStore())
	l.self = 7
	had := protocol.FileInfo{Name: "file", Version: counted(1), Permissions: 0o750}
	changed := protocol.FileInfo{Name: "file", Version: counted(2), NoPermissions: true, ModifiedBy: 7}
	for what, test := range map[string]struct {
		had, changed protocol.FileInfo
		want         uint32 // 0 for none
	}{
		"changed here":     {had, changed, 0o750},
		"by another":       {had, protocol.FileInfo{Name: "file", Version: counted(2), NoPermissions: true, ModifiedBy: 8}, 0},
		"it had none":      {protocol.FileInfo{Name: "file", NoPermissions: true, Permissions: 0o600}, changed, 0},
		"it was a link":    {protocol.FileInfo{Name: "file", Type: protocol.FileInfoTypeSymlink, Permissions: 0o777}, changed, 0},
		"it was not there": {protocol.FileInfo{Name: "file", Deleted: true, Permissions: 0o750}, changed, 0},
	} {
		files := []protocol.FileInfo{test.changed}
		must(t, l.Update("f", protocol.LocalDeviceID, []protocol.FileInfo{test.had}), l.Update("f", protocol.LocalDeviceID, files))
		got, ok, err := l.GetDeviceFile("f", protocol.LocalDeviceID, "file")
		if err != nil || !ok || got.NoPermissions != (test.want == 0) || test.want != 0 && got.Permissions != test.want {
			t.Errorf("%s: %v, %v, %v", what, got, ok, err)
		}
		if !files[0].NoPermissions {
			t.Errorf("%s: the caller's entries were changed", what)
		}
	}
}
