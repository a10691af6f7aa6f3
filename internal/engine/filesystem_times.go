package engine

import (
	"path/filepath"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
)

// arrivals gives the files of a folder that are received their times before their
// names.
//
// Syncthing does it after that (sendReceiveFolder.performFinish). A program that sees a
// file arrive and writes to it at once would have the time of its edit set back; if it
// has left the size as it was, nobody would ever notice the edit.
type arrivals struct {
	folder string // ID
	index  globalIndex

	mu     sync.Mutex
	placed map[string]fs.FileInfo // by name: what got it, and is still to be given its time by Syncthing
	modes  map[string]fs.FileMode // by name: of what went last, see leave
	own    map[string]bool        // by arrivalKey: what Syncthing was to give a time last, and was not let
}

// arrivalsByRoot are those of the folders, for the file systems that Syncthing makes for
// itself.
var arrivalsByRoot sync.Map // string → *arrivals

// keepArrivals has them for each of the folders, and for no others.
func (e *Engine) keepArrivals(folders []config.FolderConfiguration) {
	wanted := map[string]string{}
	for _, f := range folders {
		wanted[filepath.Clean(f.Path)] = f.ID
	}
	for root, a := range e.arrivals {
		if wanted[root] != a.folder {
			arrivalsByRoot.Delete(root)
			delete(e.arrivals, root)
		}
	}
	for root, id := range wanted {
		if e.arrivals[root] == nil {
			e.arrivals[root] = newArrivals(id, e.db)
			arrivalsByRoot.Store(root, e.arrivals[root])
		}
	}
}

func newArrivals(folder string, index globalIndex) *arrivals {
	return &arrivals{folder: folder, index: index, placed: map[string]fs.FileInfo{}, modes: map[string]fs.FileMode{}, own: map[string]bool{}}
}

func arrivalsOf(root string) *arrivals {
	if a, ok := arrivalsByRoot.Load(root); ok {
		return a.(*arrivals)
	}
	return nil
}

// prepare gives a complete temporary file the time that it is to have and, if it comes from
// a disk without modes, that of what it replaces. If that cannot be done, or is not known,
// Syncthing's way is left.
func (a *arrivals) prepare(below fs.Filesystem, temp, name string) {
	if a == nil {
		return
	}
	global, ok, err := a.index.GetGlobalFile(a.folder, name)
	if err != nil || !ok || global.IsDeleted() {
		return
	}
	if global.NoPermissions {
		a.leave(below, name) // if it is there still
		if mode, ok := a.takeMode(name); ok {
			_ = below.Chmod(temp, mode)
		}
	}
	_ = below.Chtimes(temp, global.ModTime(), global.ModTime())
}

// leave notes the mode of a file that goes, for one without that takes its place.
func (a *arrivals) leave(below fs.Filesystem, name string) {
	if a == nil {
		return
	}
	if global, ok, err := a.index.GetGlobalFile(a.folder, name); err != nil || !ok || global.IsDeleted() || !global.NoPermissions {
		return
	}
	info, err := below.Lstat(name)
	if err != nil || !info.IsRegular() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.modes) >= maxKept {
		clear(a.modes)
	}
	a.modes[name] = info.Mode() & fs.ModePerm
}

func (a *arrivals) takeMode(name string) (fs.FileMode, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	mode, ok := a.modes[name]
	delete(a.modes, name)
	return mode, ok
}

// place notes what is about to get a name. Each is given its time by Syncthing at once,
// or never.
func (a *arrivals) place(name string, info fs.FileInfo, err error) {
	if a == nil || err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.placed) >= maxKept {
		clear(a.placed)
	}
	a.placed[name] = info
}

// unplace notes that a file did not get its name.
func (a *arrivals) unplace(name string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	delete(a.placed, name)
	a.mu.Unlock()
}

// timed reports whether a file needs no time from Syncthing any more: it has the one that it
// was to be given, or was written to since it got its name.
func (a *arrivals) timed(below fs.Filesystem, name string, mtime time.Time) (timed, edited bool) {
	if a == nil {
		return false, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	key := arrivalKey(name)
	was := a.placed[name]
	delete(a.placed, name)
	delete(a.own, key)
	if was == nil {
		return false, false
	}
	now, err := below.Lstat(name)
	edited = err != nil || inodeOf(now) != inodeOf(was) || now.Size() != was.Size() || !now.ModTime().Equal(was.ModTime())
	if timed = edited || was.ModTime().Equal(mtime); timed {
		if len(a.own) >= maxKept {
			clear(a.own)
		}
		a.own[key] = true
	}
	return timed, edited
}

// owns reports whether whatever time a file has is its own.
func (a *arrivals) owns(name string) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.own[arrivalKey(name)]
}

// arrivalKey is the same for all forms in which Syncthing has a name where it keeps a
// time.
func arrivalKey(name string) string {
	return fs.UnicodeLowercaseNormalized(osutil.NormalizedFilename(filepath.Clean(name)))
}

// keepsOwnTime is asked before Syncthing says, in place of the time that a file has, that
// it has the one it was to be given.
func (e *Engine) keepsOwnTime(folder, name string) bool {
	f, ok := e.cfg.Folder(folder)
	return ok && arrivalsOf(filepath.Clean(f.Path)).owns(name)
}

// Chtimes leaves its time to a file that was written to since it arrived: a scan will come
// upon it.
func (f folderFS) Chtimes(name string, atime, mtime time.Time) error {
	timed, edited := arrivalsOf(f.root).timed(f.Filesystem, name, mtime)
	if edited {
		return f.noticed(name, nil)
	}
	if timed {
		return nil
	}
	return f.Filesystem.Chtimes(name, atime, mtime)
}
