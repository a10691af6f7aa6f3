package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/swap"
)

// place puts what comes of the versions in the place of the current one. That and
// the result exchange their names, so that what a program has written to the file
// since it was read, or has put in its place, is seen then: if there is something,
// they exchange them again, and it is as before.
func (p *pair) place() error {
	if !p.still(p.current, p.current.name) || !p.still(p.copied, p.copied.name) {
		return errBusy
	}
	if p.temp != "" {
		if err := p.keep(p.current.name); err != nil {
			return err
		}
		p.noted = true
		if err := p.d.noteMerge(p.c); err != nil {
			return err
		}
		err := swap.Exchange(p.dir, p.temp, p.current.name)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			// What the file was is in the history, by a link: what was written to it
			// in the last moment is there.
			if err := p.dir.Rename(p.temp, p.current.name); err != nil {
				return err
			}
			p.temp = ""
		case err != nil:
			return err
		case !p.still(p.current, p.temp):
			err := swap.Exchange(p.dir, p.temp, p.current.name)
			return errors.Join(errBusy, err)
		default:
			if err := p.dir.Remove(p.temp); err != nil {
				return err
			}
			p.temp = ""
		}
	}
	if !p.still(p.copied, p.copied.name) {
		return errBusy // it is merged again, which adds nothing twice
	}
	return swap.Drop(p.dir, p.copied.name, p.keep)
}

// keep keeps a file of the directory as a version of the file.
func (p *pair) keep(name string) error { return p.d.keepIn(p.dir, p.c, name) }

// clear removes the unfinished file. Between two exchanges it had the name of the
// current one: what somebody wrote to it then, or may still write, is kept, and so is
// what was put in its place.
func (p *pair) clear() error {
	if p.noted {
		// In this order: nobody opens it by the name that it has now.
		open, known := engine.OpenForWriting(filepath.Join(p.d.root.Folder(p.c.folder), filepath.FromSlash(path.Dir(p.c.path)), p.temp))
		info, err := p.dir.Lstat(p.temp)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || open || !known || !os.SameFile(info, p.result) || info.Size() != p.result.Size() || !info.ModTime().Equal(p.result.ModTime()) {
			if err := p.keep(p.temp); err != nil {
				return err
			}
		}
	}
	if err := p.dir.Remove(p.temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
