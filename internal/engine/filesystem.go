package engine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
)

// filesystemType is that of folderFS.
const filesystemType config.FilesystemType = "botsync"

func init() {
	fs.RegisterFilesystemType(filesystemType.ToFS(), func(root string, opts ...fs.Option) (fs.Filesystem, error) {
		below := fs.NewFilesystem(fs.FilesystemTypeBasic, root, opts...)
		root = filepath.Clean(root)
		return folderFS{newWritableFS(namingFS{below}, root), root, &replacing{temps: map[string]int{}}}, nil
	})
}

// folderFS is the file system that Syncthing is given for a folder.
//
// It leaves files that are being written out of listings, and so out of scans of
// whole directories, which would announce half of them. They are there when asked
// for by name: a scan does not take them for deleted. That must not be combined
// with Syncthing's look at the case of names, which takes for deleted what is not
// listed: on a file system that is not case-sensitive, nothing is left out.
//
// And a file that is replaced is there at all times. Syncthing removes the old
// one, or gives it the name of a conflict copy, before the new one gets its name
// (sendReceiveFolder.performFinish). Who looks between the two finds nothing; and
// after a kill between them, the next scan announces that the user has deleted
// the file.
type folderFS struct {
	fs.Filesystem
	root      string
	replacing *replacing
}

func (f folderFS) DirNames(name string) ([]string, error) {
	names, err := f.Filesystem.DirNames(name)
	if err != nil {
		return names, err
	}
	if unfinished := unfinished(f.root, filepath.Clean(name)); len(unfinished) > 0 {
		names = slices.DeleteFunc(names, func(n string) bool { return unfinished[n] })
	}
	return f.changed(filepath.Clean(name), f.visible(name, names)), nil
}

// OpenFile has temporary files opened and synced by those who write them.
func (f folderFS) OpenFile(name string, flags int, mode fs.FileMode) (fs.File, error) {
	if !fs.IsTemporary(name) || flags&fs.OptReadWrite == 0 {
		return f.Filesystem.OpenFile(name, flags, mode)
	}
	f.replacing.opened(name)
	file := newDemandFile(f.Filesystem, name, flags, mode)
	file.later = f.replacing.makeLater
	under := pullingOf(f.root)
	under.begin()
	var once sync.Once
	return &pulledFile{demanded: file, closed: func(whole bool) {
		f.replacing.completeNext(name)
		if whole && arrivalsOf(f.root).withoutMode(name) {
			f.replacing.begin(name) // no mode will be set
		}
		once.Do(under.end)
	}}, nil
}

// Create makes the temporary file into which Syncthing copies a renamed one.
func (f folderFS) Create(name string) (fs.File, error) {
	if fs.IsTemporary(name) {
		f.replacing.complete(name)
	}
	return f.Filesystem.Create(name)
}

func (f folderFS) Chmod(name string, mode fs.FileMode) error {
	if fs.IsTemporary(name) {
		if err := f.replacing.makeNow(name); err != nil {
			return err
		}
		f.replacing.begin(name)
	}
	return f.Filesystem.Chmod(name, mode)
}

func (f folderFS) Lstat(name string) (fs.FileInfo, error) {
	f.replacing.look(name)
	if err := f.hidden(name); err != nil {
		return nil, err
	}
	info, err := f.Filesystem.Lstat(name)
	if errors.Is(err, syscall.ENAMETOOLONG) {
		// Nothing can be there. Syncthing takes any other error of a directory for a
		// sign that it is (sendReceiveFolder.checkParent), and loses that of making a
		// file in it.
		return nil, &os.PathError{Op: "lstat", Path: name, Err: syscall.ENOENT}
	}
	return info, err
}

// Remove leaves a file in place that is about to be replaced.
func (f folderFS) Remove(name string) error {
	if f.spare(name) {
		return errSpared
	}
	arrivalsOf(f.root).leave(f.Filesystem, name)
	if err := f.saveCopy(name); err != nil {
		return err
	}
	if f.replacing.end(name) && f.bothThere(name) {
		return f.keepReplaced(name)
	}
	if fs.IsTemporary(name) {
		return f.Filesystem.Remove(name)
	}
	if k := keeperOf(f.root); k != nil {
		if err := k.keep(name); err != nil {
			return err
		}
		journalOf(f.root).removed(name)
		return f.Filesystem.Remove(name)
	}
	return f.removeKept(name)
}

// Rename gives a file that is about to be replaced a second name, not another one.
func (f folderFS) Rename(from, to string) error {
	// What gets another name can be written to there.
	if _, err := f.keepLoss(from, true); err != nil {
		return err
	}
	if fs.IsTemporary(to) {
		f.replacing.complete(to)
		journalOf(f.root).removed(from)
	} else if fs.IsTemporary(from) {
		if err := f.replacing.makeNow(from); err != nil {
			return err
		}
		f.replacing.opened(from)
		arrivals := arrivalsOf(f.root)
		arrivals.prepare(f.Filesystem, from, to)
		info, err := f.Filesystem.Lstat(from)
		arrivals.place(to, info, err)
		journalOf(f.root).placed(to, info, err)
		if err = f.replaceKept(from, to); err != nil {
			arrivals.unplace(to)
		}
		return f.noticed(to, err)
	} else if isCopyOf(from, to) {
		arrivalsOf(f.root).leave(f.Filesystem, from)
		return f.moveToCopy(from, to)
	}
	return f.Filesystem.Rename(from, to)
}

// bothThere reports whether a regular file and what will replace it are there.
func (f folderFS) bothThere(name string) bool {
	for _, n := range []string{name, fs.TempName(name)} {
		if info, err := f.Filesystem.Lstat(n); err != nil || !info.IsRegular() {
			return false
		}
	}
	return true
}

// replacing tells a file that is to be replaced from one that is to be deleted.
// Syncthing closes the finished temporary file, sets its mode, looks at the old
// file once, and then does away with it. Before it deletes a file it looks too; so
// a second look means that the first was not followed by what was expected. Where no
// mode is set, since a disk or the one that a file comes from has none, a file that was
// written whole is told apart, and one that was partly there is not.
type replacing struct {
	mu    sync.Mutex
	temps map[string]int // temporary file → looks at what it will replace, or closed
	last  string         // temporary file that was closed last
	hole  string         // temporary file that is still to be made, by make
	make  func() error
}

// closed says that a temporary file is complete, and its mode still to be set.
const closed = -1

// opened notes that a temporary file is not complete, or that it is gone.
func (r *replacing) opened(temp string) {
	r.mu.Lock()
	delete(r.temps, temp)
	r.forgetHole(temp)
	r.mu.Unlock()
}

// forgetHole is called with mu held.
func (r *replacing) forgetHole(temp string) {
	if r.hole == temp {
		r.hole, r.make = "", nil
	}
}

// makeLater notes how to make a temporary file that is all of it a hole. That is only
// done if it gets a mode or its name, which is at once or never.
func (r *replacing) makeLater(temp string, now func() error) {
	r.mu.Lock()
	r.hole, r.make = temp, now
	r.mu.Unlock()
}

func (r *replacing) makeNow(temp string) error {
	r.mu.Lock()
	if r.hole != temp {
		r.mu.Unlock()
		return nil
	}
	now := r.make
	r.hole, r.make = "", nil
	r.mu.Unlock()
	return now()
}

// complete notes that what a temporary file is to be named is there under another name.
func (r *replacing) complete(temp string) {
	r.mu.Lock()
	r.temps[temp] = closed
	r.forgetHole(temp)
	r.mu.Unlock()
}

// completeNext is complete for files that are closed, which are dealt with one after
// the other: if the one before is still to be renamed, it never will be.
func (r *replacing) completeNext(temp string) {
	r.mu.Lock()
	delete(r.temps, r.last)
	r.last = temp
	r.temps[temp] = closed
	r.mu.Unlock()
}

// begin notes that the mode was set. It also is before a file that a kill left
// behind is opened again, which is then not complete.
func (r *replacing) begin(temp string) {
	r.mu.Lock()
	if _, ok := r.temps[temp]; ok {
		r.temps[temp] = 0
	}
	r.mu.Unlock()
}

func (r *replacing) look(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.temps) == 0 {
		return
	}
	temp := fs.TempName(name)
	if looks, ok := r.temps[temp]; ok && looks != closed {
		r.temps[temp]++
	}
}

// end reports whether the file is the one that is being replaced, once.
func (r *replacing) end(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.temps) == 0 {
		return false
	}
	temp := fs.TempName(name)
	looks, ok := r.temps[temp]
	delete(r.temps, temp)
	return ok && looks == 1
}

var errUnfinished = errors.New("the file is being written")

// Open returns a file that cannot be asked what it is like while somebody writes
// it. A scan asks before and after it reads a file that it came to by its name,
// and announces neither half of it nor what is half new.
func (f folderFS) Open(name string) (fs.File, error) {
	if p := f.patterns(name); p != nil {
		return p, nil
	}
	file, err := f.Filesystem.Open(name)
	if err != nil {
		return nil, err
	}
	return patientFile{file, f.root, filepath.Clean(name)}, nil
}

type patientFile struct {
	fs.File
	root, name string
}

func (f patientFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	if err == nil && !finished(f.root, f.name, info.ModTime()) {
		return nil, errUnfinished
	}
	if err == nil {
		hashedOf(f.root).read(f.name, info)
	}
	return info, err
}
