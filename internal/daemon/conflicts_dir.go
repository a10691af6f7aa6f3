package daemon

import (
	"bytes"
	"errors"
	"io"
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

// same reports whether two files of a directory hold the same. Those of different sizes
// are not read.
func same(dir *os.Root, a, b string) bool {
	open := func(name string) (onDiskVersion, int64, error) { return openVersion(dir, version{path: name}) }
	x, sizeX, err := open(a)
	if err != nil {
		return false
	}
	defer x.Close()
	y, sizeY, err := open(b)
	if err != nil {
		return false
	}
	defer y.Close()
	if sizeX != sizeY {
		return false
	}
	left, right := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(x, left)
		m, err2 := io.ReadFull(y, right)
		if !bytes.Equal(left[:n], right[:m]) {
			return false
		}
		if err != nil || err2 != nil {
			ended := func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
			return ended(err) && ended(err2)
		}
	}
}
