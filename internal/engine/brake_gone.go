package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	iofs "io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/syncthing/syncthing/lib/fs"
)

// emptiedPath is where the empty files of a folder have a second name while they are
// removed, under the same path as in the folder. After a kill it tells which they were.
func (e *Engine) emptiedPath(folder string) string { return filepath.Join(e.dir, "emptied", folder) }

// goneOf is how the name begins of a file that is taken out of its place as it was
// empty: another one for each name, so that it can be put back after a kill.
func goneOf(name string) string {
	sum := sha256.Sum256([]byte(filepath.Base(name)))
	return goneName + hex.EncodeToString(sum[:8]) + "-"
}

// putBackGone gives files of a folder their names again that a kill has left without
// them, as they were taken out of their places, and that have contents: a program has
// written them in the last moment. Syncthing would remove them. Empty ones are left
// to it.
func putBackGone(root, emptied string) {
	if _, err := os.Lstat(emptied); errors.Is(err, iofs.ErrNotExist) {
		return
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return // they are where nobody removes them
	}
	defer dir.Close()
	err = filepath.WalkDir(emptied, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(emptied, path)
		if err != nil {
			return err
		}
		for _, gone := range goneFiles(dir, name) {
			if err := putBackOne(dir, name, gone, path); err != nil {
				slog.Error("A file that was taken out of its place cannot be put back", "path", filepath.Join(root, name), "at", gone, "error", err)
			}
		}
		return nil
	})
	if err != nil {
		slog.Error("It cannot be looked for files that were taken out of their places", "folder", root, "error", err)
	}
}

// goneFiles returns the files that were taken out of the place of name.
func goneFiles(dir *os.Root, name string) (out []string) {
	parent := filepath.Dir(name)
	d, err := dir.Open(parent)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	prefix := strings.TrimSuffix(fs.TempName(goneOf(name)), ".tmp")
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			out = append(out, filepath.Join(parent, n))
		}
	}
	return out
}

// putBackOne puts back one file that has contents, and a second name, kept, elsewhere.
func putBackOne(dir *os.Root, name, gone, kept string) error {
	info, err := dir.Lstat(gone)
	if err != nil || isEmpty(info) {
		return err
	}
	if there, err := dir.Lstat(name); err == nil && os.SameFile(there, info) {
		if err := dir.Remove(gone); err != nil { // it was put back already
			return err
		}
	} else if err := putBack(dir, name, gone); err != nil {
		return err
	}
	if second, err := os.Lstat(kept); err == nil && os.SameFile(second, info) {
		return os.Remove(kept) // it has another name again
	}
	return nil
}
