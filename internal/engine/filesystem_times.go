package engine

import (
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
)

// arrivals gives the files of a folder that are received their times before their
// names.
//
// Syncthing does it after that (sendReceiveFolder.performFinish). A program that sees a
// file arrive and writes to it at once would have the time of its edit set back; if it
// has left the size as it was, nobody would ever notice the edit.
type arrivals struct {
	folder string // ID
	modes  bool   // the disk has them
	index  arrivalIndex

	mu     sync.Mutex
	placed map[string]placedFile  // by name: what got it, and is still to be given its time by Syncthing
	left   map[string]fs.FileMode // by name: the mode of what went last, see leave
	own    map[string]bool        // by arrivalKey: what Syncthing was to give a time last, and was not let
}

// placedFile is what got a name, and when.
type placedFile struct {
	fs.FileInfo
	at time.Time
}

// placedAge is how long it takes at most until a file that got its name is to be given its
// time. After that it never was, as where a look at the case of names has refused it: the
// next time is another one, and what was written since has nothing to do with it.
const placedAge = 10 * time.Second

// arrivalsByRoot are those of the folders, for the file systems that Syncthing makes for
// itself.
var arrivalsByRoot sync.Map // string → *arrivals

// keepArrivals has them for each of the folders, and for no others.
func (e *Engine) keepArrivals(folders []config.FolderConfiguration) {
	type kind struct {
		id    string
		modes bool
	}
	wanted := map[string]kind{}
	for _, f := range folders {
		wanted[filepath.Clean(f.Path)] = kind{f.ID, !f.IgnorePerms}
	}
	for root, a := range e.arrivals {
		if wanted[root] != (kind{a.folder, a.modes}) {
			arrivalsByRoot.Delete(root)
			delete(e.arrivals, root)
		}
	}
	for root, k := range wanted {
		if e.arrivals[root] == nil {
			e.arrivals[root] = newArrivals(k.id, k.modes, e.db)
			arrivalsByRoot.Store(root, e.arrivals[root])
		}
	}
}

// arrivalIndex tells what is to arrive, and what was there.
type arrivalIndex interface {
	localIndex
	globalIndex
	noMtimes(folder string) bool
}

func newArrivals(folder string, modes bool, index arrivalIndex) *arrivals {
	return &arrivals{folder: folder, modes: modes, index: index, placed: map[string]placedFile{}, left: map[string]fs.FileMode{}, own: map[string]bool{}}
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

// withoutMode reports whether a file gets no mode, by the name of its temporary file; that
// of a name which is too long
// for one does not tell it.
func (a *arrivals) withoutMode(temp string) bool {
	if a == nil {
		return false
	}
	dir, base := filepath.Split(temp)
	name := dir + strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(base, fs.UnixTempPrefix), fs.WindowsTempPrefix), ".tmp")
	if fs.TempName(name) != temp {
		return false
	}
	if !a.modes {
		return true
	}
	global, ok, err := a.index.GetGlobalFile(a.folder, name)
	return err == nil && ok && global.NoPermissions
}

// leave notes the mode of a file that goes, for one without that takes its place.
func (a *arrivals) leave(below fs.Filesystem, name string) {
	if a == nil || fs.IsTemporary(name) {
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
	if len(a.left) >= maxKept {
		clear(a.left)
	}
	a.left[name] = info.Mode() & fs.ModePerm
}

func (a *arrivals) takeMode(name string) (fs.FileMode, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	mode, ok := a.left[name]
	delete(a.left, name)
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
	a.placed[name] = placedFile{info, time.Now()}
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
	was, ok := a.placed[name]
	delete(a.placed, name)
	delete(a.own, key)
	if !ok || time.Since(was.at) > placedAge {
		if edited = a.edited(below, name); edited {
			a.keepsOwn(key)
		}
		return edited, edited
	}
	now, err := below.Lstat(name)
	edited = err != nil || inodeOf(now) != inodeOf(was) || now.Size() != was.Size() || !now.ModTime().Equal(was.ModTime())
	if timed = edited || was.ModTime().Equal(mtime); timed {
		a.keepsOwn(key)
	}
	return timed, edited
}

// keepsOwn is called with mu held.
func (a *arrivals) keepsOwn(key string) {
	if len(a.own) >= maxKept {
		clear(a.own)
	}
	a.own[key] = true
}

// edited reports whether a file that is there, and is to get another time, is not as the
// index has it: Syncthing does not look (sendReceiveFolder.shortcutFile).
func (a *arrivals) edited(below fs.Filesystem, name string) bool {
	if !a.index.noMtimes(a.folder) {
		return false
	}
	had, ok, err := a.index.GetDeviceFile(a.folder, protocol.LocalDeviceID, name)
	if err != nil || !ok || had.IsDeleted() || had.IsInvalid() || had.Type != protocol.FileInfoTypeFile {
		return false
	}
	now, err := below.Lstat(name)
	return err == nil && now.IsRegular() && (now.Size() != had.Size || !now.ModTime().Equal(had.ModTime()))
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
