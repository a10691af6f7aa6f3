package engine

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/fs"
)

// Between the moment at which a file is kept and that at which it goes, a program
// may put another one into its place. So what goes is taken out of its place first,
// in one step, and looked at there: if it is not what was kept, it is kept as well.

// goneName marks a file that is taken out of its place. Syncthing leaves such a file
// alone, and removes one that a kill left behind.
const goneName = ".botsync-gone-"

// removeKept removes a file after it was kept.
func (f folderFS) removeKept(name string) error {
	kept, err := f.keepLoss(name, false)
	if err != nil {
		return err
	}
	journalOf(f.root).removed(name)
	if kept == nil {
		return f.Filesystem.Remove(name)
	}
	gone := fs.TempName(filepath.Join(filepath.Dir(name), goneName+rand.Text()))
	if os.Rename(filepath.Join(f.root, name), filepath.Join(f.root, gone)) != nil {
		return f.Filesystem.Remove(name) // which says why not
	}
	if err := f.keepUnless(kept, name, gone); err != nil {
		// It stays where it was, unless there is another one already.
		if back := os.Link(filepath.Join(f.root, gone), filepath.Join(f.root, name)); back != nil {
			return errors.Join(err, back)
		}
		return errors.Join(err, os.Remove(filepath.Join(f.root, gone)))
	}
	return os.Remove(filepath.Join(f.root, gone))
}

// replaceKept gives a complete temporary file its name.
func (f folderFS) replaceKept(temp, name string) error {
	k, ok := keeperOfLosses(f.root)
	if !ok {
		return f.Filesystem.Rename(temp, name)
	}
	kept := k.take(name)
	now, err := os.Lstat(filepath.Join(f.root, name))
	if err != nil {
		return f.Filesystem.Rename(temp, name)
	}
	if kept == nil || !unchanged(kept, now) {
		if kept, err = f.keepLoss(name, false); err != nil {
			return err
		}
	}
	// What cannot be kept is no file, and not every file system can exchange.
	if kept == nil || exchange(filepath.Join(f.root, temp), filepath.Join(f.root, name)) != nil {
		return f.Filesystem.Rename(temp, name)
	}
	if err := f.keepUnless(kept, name, temp); err != nil {
		return errors.Join(err, exchange(filepath.Join(f.root, temp), filepath.Join(f.root, name)))
	}
	return os.Remove(filepath.Join(f.root, temp))
}

// unchanged reports whether a file is what it was when it was kept. One that was
// written to since is not: its version can be a copy.
func unchanged(kept, now os.FileInfo) bool {
	return os.SameFile(kept, now) && kept.Size() == now.Size() && kept.ModTime().Equal(now.ModTime())
}

// keepUnless keeps a file that was taken out of its place, unless it is the one
// that was kept already.
func (f folderFS) keepUnless(kept os.FileInfo, name, at string) error {
	now, err := os.Lstat(filepath.Join(f.root, at))
	if err != nil || unchanged(kept, now) {
		return err
	}
	slog.Warn("A program has changed a file while a peer's change was made; it is in the history", "file", name)
	k, ok := keeperOfLosses(f.root)
	if !ok {
		return nil
	}
	loss := k.loss(name)
	loss.From = filepath.ToSlash(at)
	return k.keep(loss)
}
