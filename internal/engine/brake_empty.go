package engine

import (
	"crypto/rand"
	"errors"
	iofs "io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/botsync/botsync/internal/swap"
)

// removeEmpty removes a file that has no contents, so that nobody takes it for the
// other side of a conflict. It is taken out of its place in one step and looked at
// there: what a program has written to it, or put into its place, until then goes
// back and stays, and it is not removed.
func (e *Engine) removeEmpty(b *braked, name string) (removed bool, err error) {
	if unfinished(b.root, filepath.Dir(name))[filepath.Base(name)] {
		return false, nil
	}
	dir, err := os.OpenRoot(b.root)
	if err != nil {
		return false, err
	}
	defer dir.Close()
	info, err := dir.Lstat(name)
	if fs.IsNotExist(err) {
		return true, nil
	}
	if err != nil || !isEmpty(info) {
		return false, err
	}
	// By a link: what a program that has it open writes to it is not lost either.
	k := keeper{from: b.root, to: e.emptiedPath(b.id)}
	kept, err := k.keepAt(name)
	if err != nil || kept == "" {
		return false, err
	}
	gone := fs.TempName(filepath.Join(filepath.Dir(name), goneOf(name)+rand.Text()))
	if err := dir.Rename(name, gone); err != nil {
		return false, err
	}
	return takenOut(dir, name, gone, kept)
}

// takenOut removes a file that was taken out of its place and has a second name,
// kept, elsewhere; or puts it back if it has contents.
func takenOut(dir *os.Root, name, gone, kept string) (removed bool, err error) {
	if info, err := dir.Lstat(gone); err != nil || !isEmpty(info) {
		if err := errors.Join(err, putBack(dir, name, gone)); err != nil {
			return false, err
		}
		return false, os.Remove(kept) // it has another name again
	}
	if err := dir.Remove(gone); err != nil {
		return false, err
	}
	if info, err := os.Lstat(kept); err == nil && info.Size() > 0 {
		slog.Warn("A file was written while it was brought back; what was written is kept", "path", filepath.Join(dir.Name(), name), "kept", kept)
		return true, nil
	}
	if err := os.Remove(kept); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return true, err
	}
	return true, nil
}

// putBack gives a file its name again; or, if another one has that by now, a name
// beside it.
func putBack(dir *os.Root, name, gone string) error {
	err := swap.Place(dir, gone, name)
	if errors.Is(err, swap.ErrTaken) {
		beside := name + "." + rand.Text()[:8]
		slog.Warn("A file was written while it was brought back, and again; it is kept beside it", "path", filepath.Join(dir.Name(), name), "kept", beside)
		err = swap.Place(dir, gone, beside)
	}
	return err
}

func isEmpty(info os.FileInfo) bool { return info.Mode().IsRegular() && info.Size() == 0 }
