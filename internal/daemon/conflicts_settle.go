package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/conflict"
	"github.com/botsync/botsync/internal/swap"
)

// resolve keeps one version of a file, or all if keep is below 0. With an error it says
// what was done before that. The versions that have to vanish for that are not held
// until told is called; if it comes to nothing, whatever vanishes is.
func (d *daemon) resolve(c *inConflict, keep int) (out api.Resolution, told func(), err error) {
	told = func() {}
	dir, err := d.openDir(c)
	if err != nil {
		return out, told, err
	}
	defer dir.Close()
	for _, v := range c.versions {
		if err := asKnown(dir, v); err != nil {
			return out, told, err
		}
	}
	told = d.letVanish(c, keep)
	replaced, placed, err := d.settle(c, keep, dir)
	if err != nil {
		told()
		told, out.Placed = func() {}, placed
		for _, v := range replaced {
			out.Replaced = append(out.Replaced, c.shownVersion(v))
		}
		return out, told, err
	}
	out = c.resolution(keep)
	out.Placed = placed
	return out, told, nil
}

// settle does it, in the directory of the file. It returns the versions that are in the
// history now, and the names of what was placed beside the file, also with an error.
func (d *daemon) settle(c *inConflict, keep int, dir *os.Root) (replaced []version, placed []string, err error) {
	store := func(name string) error { return d.keepIn(dir, c, name) }
	if keep < 0 {
		placed, err = c.placeAll(dir, store)
		return nil, placed, err
	}
	base := path.Base(c.path)
	if keep > 0 {
		winner := path.Base(c.versions[keep].path)
		if c.versions[0].deleted() {
			err = swap.Place(dir, winner, base)
		} else {
			err = swap.Replace(dir, base, winner, store)
		}
		if errors.Is(err, swap.ErrTaken) {
			err = changed(c.folder + "/" + c.path)
		}
		if err != nil {
			return nil, nil, err
		}
		if !c.versions[0].deleted() {
			replaced = append(replaced, c.versions[0])
		}
	}
	for i, v := range c.versions {
		if i == 0 || i == keep {
			continue
		}
		if err := swap.Drop(dir, path.Base(v.path), store); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return replaced, nil, err
		}
		replaced = append(replaced, v)
	}
	return replaced, nil, nil
}

// placeAll gives the conflict copies ordinary names, and returns these. The first
// takes the name of a file that is not there.
func (c *inConflict) placeAll(dir *os.Root, store func(string) error) ([]string, error) {
	var placed []string
	free := c.versions[0].deleted()
	for _, v := range c.versions[1:] {
		from, to := path.Base(v.path), c.path
		err := swap.ErrTaken
		if free {
			err = swap.Place(dir, from, path.Base(to))
			free = false
		}
		for n := 1; errors.Is(err, swap.ErrTaken) && n < 1000; n++ {
			to = c.beside(v, n)
			if same(dir, from, path.Base(to)) {
				err = swap.Drop(dir, from, store) // another device was faster, or a kill came between
			} else {
				err = swap.Place(dir, from, path.Base(to))
			}
		}
		if err != nil {
			return placed, err
		}
		placed = append(placed, c.folder+"/"+to)
	}
	return placed, nil
}

// beside is the n-th ordinary name for a version.
func (c *inConflict) beside(v version, n int) string {
	device := ""
	if v.author != nil {
		device = v.author.Name
	}
	return conflict.Beside(c.path, v.file.Modified, device, n)
}

// asKnown returns an error if the disk has something else than the index.
func asKnown(dir *os.Root, v version) error {
	info, err := dir.Lstat(path.Base(v.path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if v.deleted() {
			return nil
		}
	case err != nil:
		return err
	case v.deleted():
	case v.file.Directory && info.IsDir(), v.file.Symlink && info.Mode()&fs.ModeSymlink != 0:
		return nil
	case info.Mode().IsRegular() && v.asIndexed(info):
		return nil
	}
	return changed(v.path)
}

// asIndexed reports whether a file on the disk has the size and time of the index's.
func (v version) asIndexed(info fs.FileInfo) bool {
	return v.known && !v.file.Deleted && info.Size() == v.file.Size && info.ModTime().Truncate(time.Second).Equal(v.file.Modified.Truncate(time.Second))
}

func changed(name string) error {
	return api.Errorf(api.CodeChanged, "Look at it again, and repeat the command.", "%s is being changed", name)
}

// letVanish has the versions vanish that go when one is kept, or all if keep is below
// 0, without being held as a disaster, until done is called. What was kept is not
// among them: if it vanishes as well, nobody has asked for that.
func (d *daemon) letVanish(c *inConflict, keep int) (done func()) {
	var paths []string
	for _, v := range c.versions {
		if !v.current || keep > 0 {
			paths = append(paths, c.folder+"/"+v.path)
		}
	}
	return d.expectLosses(paths)
}
