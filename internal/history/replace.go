package history

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/botsync/botsync/internal/swap"
)

// Between the moment at which a file is looked at or kept and that at which it goes,
// a program may make or write another one. So nothing is put where something is that
// was not kept, and what goes is taken out of its place first, in one step, and
// looked at there.

// errAside says that what was in place could not be put back.
var errAside = errors.New("what was there has the name of an unfinished file beside it")

// replaceTries is how often a file is kept that programs put into the place of the
// one that was kept just before.
const replaceTries = 5

// replace gives the complete file temp, which is in the directory of name, that name.
func replace(folder *os.Root, name, temp string, may func() error, keep func(at string) error) error {
	dir, err := openDir(folder, path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	base := path.Base(name)
	for range replaceTries {
		before, err := inPlace(dir, base)
		if err == nil && before != nil {
			err = keep(name)
		}
		if err == nil {
			err = may()
		}
		if err != nil {
			return err
		}
		if before == nil {
			if err := swap.Place(dir, temp, base); !errors.Is(err, swap.ErrTaken) {
				return err
			}
			continue
		}
		now, err := inPlace(dir, base)
		if err != nil {
			return err
		}
		if now != nil && os.SameFile(before, now) {
			return exchange(dir, name, temp, before, keep)
		}
	}
	return errors.New("a program replaces it again and again")
}

// exchange puts temp in the place of a file that was kept.
func exchange(dir *os.Root, name, temp string, kept fs.FileInfo, keep func(at string) error) error {
	base := path.Base(name)
	err := swap.Exchange(dir, base, temp)
	if errors.Is(err, errors.ErrUnsupported) {
		return dir.Rename(temp, base)
	}
	if err != nil {
		return err
	}
	if err := keepTaken(dir, name, temp, kept, keep); err != nil {
		if back := swap.Exchange(dir, base, temp); back != nil {
			return errors.Join(err, errAside, back)
		}
		return err
	}
	return dir.Remove(temp)
}

// keepTaken keeps what was taken out of its place, unless it is what was kept.
func keepTaken(dir *os.Root, name, temp string, kept fs.FileInfo, keep func(at string) error) error {
	now, err := inPlace(dir, temp)
	if err != nil || now == nil || unchanged(kept, now) {
		return err
	}
	return keep(path.Join(path.Dir(name), temp))
}

// unchanged reports whether a file is what it was when it was kept. One that was
// written to since is not: its version can be a copy.
func unchanged(kept, now fs.FileInfo) bool {
	return os.SameFile(kept, now) && kept.Size() == now.Size() && kept.ModTime().Equal(now.ModTime())
}

// Remove removes a file of a folder, after keep, which is told where it is within
// the folder, has made it safe. What a program puts there meanwhile is kept as well.
func Remove(folder *os.Root, name string, keep func(at string) error) error {
	if err := remove(folder, name, keep); err != nil {
		return fmt.Errorf("removing %s: %w", name, err)
	}
	return nil
}

func remove(folder *os.Root, name string, keep func(at string) error) error {
	dir, err := openDir(folder, path.Dir(name))
	if err != nil {
		return ignoreMissing(err)
	}
	defer dir.Close()
	base := path.Base(name)
	before, err := inPlace(dir, base)
	if before == nil || err != nil {
		return err
	}
	if err := keep(name); err != nil {
		return err
	}
	gone := tempName + rand.Text() + ".tmp"
	if err := dir.Rename(base, gone); err != nil {
		return ignoreMissing(err)
	}
	if err := keepTaken(dir, name, gone, before, keep); err != nil {
		if back := swap.Place(dir, gone, base); back != nil {
			return errors.Join(err, errAside, back)
		}
		return err
	}
	return ignoreMissing(dir.Remove(gone))
}

// openDir opens a directory of a folder that is reached by no link.
func openDir(folder *os.Root, dir string) (*os.Root, error) {
	if err := noLinks(folder, dir); err != nil {
		return nil, err
	}
	return folder.OpenRoot(filepath.FromSlash(dir))
}
