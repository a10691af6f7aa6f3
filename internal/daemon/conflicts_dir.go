package daemon

import (
	"errors"
	"os"
	"path"
	"path/filepath"

	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
)

// openDir opens the directory that a file in conflict is in.
func (d *daemon) openDir(c *inConflict) (*os.Root, error) {
	folder, err := os.OpenRoot(d.root.Folder(c.folder))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return folder.OpenRoot(filepath.FromSlash(path.Dir(c.path)))
}

// keepIn keeps a file of an open directory, that of a file in conflict, as a version
// of that one: it is found again under its name. Where the path does not lead to the
// directory, because somebody has put another or a link in the way, nothing may go.
func (d *daemon) keepIn(dir *os.Root, c *inConflict, name string) error {
	at := filepath.Join(d.root.Folder(c.folder), filepath.FromSlash(path.Dir(c.path)))
	leads := func() error {
		opened, err := dir.Stat(".")
		there, err2 := os.Stat(at)
		if err != nil || err2 != nil || !os.SameFile(opened, there) {
			return errors.Join(err, err2, changed(c.folder+"/"+c.path))
		}
		return nil
	}
	if err := leads(); err != nil {
		return err
	}
	err := d.makeVersion(history.Item{From: filepath.Join(at, name), Folder: c.folder, Path: c.path, By: engine.ShortID(d.members.self)})
	return errors.Join(err, leads())
}
