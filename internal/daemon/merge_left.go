package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/botsync/botsync/internal/atomicfile"
	"github.com/botsync/botsync/internal/root"
)

// merging says which file is about to exchange its name with what comes of a merge.
// A kill can then leave the only copy of what a program has put there in the last
// moment under a name that Syncthing removes.
type merging struct {
	Folder string `json:"folder"`
	Path   string `json:"path"` // within the folder
}

func (d *daemon) noteMerge(c *inConflict) error {
	data, err := json.Marshal(merging{c.folder, c.path})
	if err != nil {
		return err
	}
	return atomicfile.Write(d.root.MergingPath(), data, 0o600)
}

func (d *daemon) forgetMerge() error {
	if err := os.Remove(d.root.MergingPath()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// finishMerge puts what a merge has left under its unfinished name into the history.
// It does so before the engine starts, and before another merge.
func (d *daemon) finishMerge() (err error) {
	data, err := os.ReadFile(d.root.MergingPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("keeping what a merge has left: %w", err)
		}
	}()
	if err != nil {
		return err
	}
	var m merging
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	if !slices.Contains(root.Folders, m.Folder) || !filepath.IsLocal(filepath.FromSlash(m.Path)) {
		return fmt.Errorf("%s names no file of a folder", d.root.MergingPath())
	}
	c := &inConflict{folder: m.Folder, path: m.Path}
	dir, err := d.openDir(c)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return d.forgetMerge()
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	name := tempName(path.Base(m.Path))
	if err := d.keepIn(dir, c, name); err != nil {
		return err
	}
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.forgetMerge()
}
