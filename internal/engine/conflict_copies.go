package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/conflict"
	"github.com/botsync/botsync/internal/watch"
)

// copyNamer says how the version of a file is kept that has lost a conflict; see
// package conflict for the names. Syncthing's own way loses versions: it gives the
// second conflict copy of a second the name of the first, removes a conflict copy
// that is itself in conflict, and stops at a name that gets too long.
type copyNamer struct {
	folder string // ID
	index  fileIndex
	made   func(name string) // is told of each copy; Syncthing looks for it elsewhere
}

// copyNamers are those of the folders, by their roots, for the file systems that
// Syncthing makes for itself.
var copyNamers sync.Map // string → *copyNamer

func copyNamerOf(root string) *copyNamer {
	if n, ok := copyNamers.Load(root); ok {
		return n.(*copyNamer)
	}
	return nil
}

// keepCopyNamers has one for each of the folders, before Syncthing writes to them.
func (e *Engine) keepCopyNamers(folders []config.FolderConfiguration) {
	wanted := map[string]bool{}
	for _, f := range folders {
		root := filepath.Clean(f.Path)
		wanted[root] = true
		copyNamers.Store(root, &copyNamer{folder: f.ID, index: e.db, made: func(name string) {
			e.newCopies.add(f.ID, name)
			e.watches.mu.Lock()
			defer e.watches.mu.Unlock()
			if w := e.watches.folders[f.ID]; w != nil {
				w.queue.Add(watch.Change{Path: filepath.ToSlash(name)})
			}
		}})
	}
	copyNamers.Range(func(root, _ any) bool {
		if !wanted[root.(string)] {
			copyNamers.Delete(root)
		}
		return true
	})
}

// isCopyOf reports whether Syncthing renames a file to make a conflict copy of it.
func isCopyOf(from, to string) bool {
	// Where the name of from is itself that of a copy, the last part counts.
	n, ok := conflict.Parse(filepath.ToSlash(to))
	return ok && filepath.FromSlash(n.Base) == filepath.Clean(from) && !fs.IsTemporary(from)
}

// copyName is the name for a conflict copy of the file from that is free, or that
// has the same contents already. to is what Syncthing would call it.
func (f folderFS) copyName(from, to string) (name string, there bool, err error) {
	info, err := f.Filesystem.Lstat(from)
	if err != nil {
		return "", false, err
	}
	n, _ := conflict.Parse(filepath.ToSlash(to))
	author, made := n.Device, info.ModTime()
	if namer := copyNamerOf(f.root); namer != nil {
		have, ok, err := namer.index.GetDeviceFile(namer.folder, protocol.LocalDeviceID, from)
		if err == nil && ok && have.ModifiedBy != 0 {
			author = have.ModifiedBy.String()
		}
		if err == nil && ok && info.IsSymlink() && have.IsSymlink() {
			made = have.ModTime() // each device has a time of its own on the disk
		}
	}
	return f.freeCopyName(filepath.ToSlash(from), author, info, made)
}

// maxCopyNames bounds how many names are tried for a conflict copy.
const maxCopyNames = 100_000

// freeCopyName is a name for a conflict copy of a file or link, made then by an author.
func (f folderFS) freeCopyName(file, author string, info fs.FileInfo, made time.Time) (name string, there bool, err error) {
	base := file
	if n, ok := conflict.Parse(file); ok && !n.Short {
		base = n.Original().Base
	}
	for after := range maxCopyNames {
		name = filepath.FromSlash(conflict.Make(base, made.Add(time.Duration(after)*time.Second), author))
		if name == filepath.FromSlash(file) {
			continue
		}
		if _, err := f.Filesystem.Lstat(name); fs.IsNotExist(err) {
			return name, false, nil
		} else if err != nil {
			return "", false, err
		}
		if info.IsRegular() && sameContents(filepath.Join(f.root, file), filepath.Join(f.root, name)) {
			return name, true, nil
		}
		if info.IsSymlink() && f.sameTarget(filepath.FromSlash(file), name) {
			return name, true, nil
		}
	}
	return "", false, fmt.Errorf("no name is left for a conflict copy of %s", file)
}

// sameTarget reports whether two paths are links to the same.
func (f folderFS) sameTarget(a, b string) bool {
	one, err := f.Filesystem.ReadSymlink(a)
	if err != nil {
		return false
	}
	two, err := f.Filesystem.ReadSymlink(b)
	return err == nil && one == two
}

// sameContents reports whether two files that are not one hold the same, as far as
// both can be read.
func sameContents(a, b string) bool {
	one, err := os.Lstat(a)
	if err != nil {
		return false
	}
	two, err := os.Lstat(b)
	if err != nil || !two.Mode().IsRegular() || one.Size() != two.Size() {
		return false
	}
	if os.SameFile(one, two) {
		return true
	}
	x, err := os.Open(a)
	if err != nil {
		return false
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return false
	}
	defer y.Close()
	left, right := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(x, left)
		m, _ := io.ReadFull(y, right)
		if n != m || string(left[:n]) != string(right[:m]) {
			return false
		}
		if err != nil {
			return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		}
	}
}

// saveCopy keeps a conflict copy that is about to be removed or replaced although it
// has a version that nobody else knows of, as another conflict copy of the same file.
func (f folderFS) saveCopy(name string) error {
	namer := copyNamerOf(f.root)
	if _, ok := conflict.Parse(filepath.ToSlash(name)); !ok || namer == nil || fs.IsTemporary(name) {
		return nil
	}
	have, ok, err := namer.index.GetDeviceFile(namer.folder, protocol.LocalDeviceID, name)
	if err != nil || !ok || have.IsDeleted() || have.IsInvalid() || have.IsReceiveOnlyChanged() {
		return err
	}
	wanted, ok, err := namer.index.GetGlobalFile(namer.folder, name)
	if err != nil || !ok || !wanted.InConflictWith(have) {
		return err
	}
	info, err := f.Filesystem.Lstat(name)
	if fs.IsNotExist(err) || err == nil && !info.IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	kept, there, err := f.freeCopyName(filepath.ToSlash(name), have.ModifiedBy.String(), info, info.ModTime())
	if err != nil || there {
		return err
	}
	from, to := filepath.Join(f.root, name), filepath.Join(f.root, kept)
	if os.Link(from, to) != nil {
		if err := copyFile(from, to, os.FileMode(info.Mode()).Perm()); err != nil {
			return err
		}
		_ = os.Chtimes(to, time.Time{}, info.ModTime())
	}
	namer.made(kept)
	return nil
}

// moveToCopy gives a file that has lost a conflict the name of a conflict copy. If
// it is about to be replaced it keeps its own until then.
func (f folderFS) moveToCopy(from, to string) error {
	replaced := f.replacing.end(from) && f.bothThere(from)
	name, there, err := f.copyName(from, to)
	if err != nil {
		return err
	}
	if !there && os.Link(filepath.Join(f.root, from), filepath.Join(f.root, name)) == nil {
		there = true
	}
	if there && !replaced {
		err = f.Filesystem.Remove(from)
	} else if there {
		f.keptAlready(from)
	} else if !there {
		err = f.Filesystem.Rename(from, name)
	}
	if namer := copyNamerOf(f.root); err == nil && namer != nil {
		namer.made(name)
	}
	return err
}
