package engine

import (
	"errors"
	iofs "io/fs"
	"path/filepath"
	"sync"

	"github.com/syncthing/syncthing/lib/fs"
)

// writableFS opens temporary files also in directories to which this user may not
// write, as a tree that somebody has made read-only has them. Syncthing gives itself
// the right for as long as it opens one (inWritableDir), but a demandFile is opened
// later.
type writableFS struct {
	fs.Filesystem
	// modes is held for writing while a directory has a mode that is not its own, and
	// for reading by those who look at modes and set them: Syncthing would take the
	// right for lasting, or give it back too early.
	modes *sync.RWMutex
}

// dirModes are the locks of the folders, by their roots: Syncthing makes several
// file systems for one.
var dirModes sync.Map // string → *sync.RWMutex

func newWritableFS(below fs.Filesystem, root string) writableFS {
	modes, _ := dirModes.LoadOrStore(root, &sync.RWMutex{})
	return writableFS{below, modes.(*sync.RWMutex)}
}

func (w writableFS) Stat(name string) (fs.FileInfo, error) {
	w.modes.RLock()
	defer w.modes.RUnlock()
	return w.Filesystem.Stat(name)
}

func (w writableFS) Chmod(name string, mode fs.FileMode) error {
	w.modes.RLock()
	defer w.modes.RUnlock()
	return w.Filesystem.Chmod(name, mode)
}

func (w writableFS) OpenFile(name string, flags int, mode fs.FileMode) (fs.File, error) {
	file, err := w.Filesystem.OpenFile(name, flags, mode)
	if !errors.Is(err, iofs.ErrPermission) || !fs.IsTemporary(name) {
		return file, err
	}
	w.modes.Lock()
	defer w.modes.Unlock()
	dir := filepath.Dir(name)
	info, lerr := w.Filesystem.Lstat(dir)
	if lerr != nil || !info.IsDir() {
		return nil, err
	}
	const bits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	if own := info.Mode() & bits; own&0o200 == 0 {
		if w.Filesystem.Chmod(dir, own|0o700) != nil {
			return nil, err
		}
		// If this fails, so will what Syncthing does the same way, and say so.
		defer func() { _ = w.Filesystem.Chmod(dir, own) }()
	} // else Syncthing has just given itself the right, and cannot take it back now
	return w.Filesystem.OpenFile(name, flags, mode)
}
