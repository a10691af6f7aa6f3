package history

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// Peers choose what versions are called, and a version may be a symbolic link: one
// that stands where the directory of another belongs. So nothing in the store is
// reached through a link: not to write, not to look, and not to remove.

// maxFile bounds the path of a version, absolute and in bytes, to what any program
// can open on the systems there are: PATH_MAX of the least is 1024.
const maxFile = 1000

// open opens the store, which may not be there.
func (s *Store) open() (*os.Root, error) { return os.OpenRoot(s.dir) }

// ready makes the store if need be, and in it a directory, and opens the store.
func (s *Store) ready(dir string) (*os.Root, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	top, err := s.open()
	if err != nil {
		return nil, err
	}
	if err := makeIn(top, dir, 0o700); err != nil {
		return nil, errors.Join(err, top.Close())
	}
	return top, nil
}

// dirOf opens the directory that a path of the store is in. It is ErrInTheWay if
// that is none.
func (s *Store) dirOf(file string) (*os.Root, error) { return s.openDir(path.Dir(file)) }

func (s *Store) openDir(dir string) (*os.Root, error) {
	top, err := s.open()
	if err != nil || dir == "." {
		return top, err
	}
	defer top.Close()
	if err := noLinks(top, dir); err != nil {
		return nil, err
	}
	return top.OpenRoot(filepath.FromSlash(dir))
}

// lstat looks at a file of the store.
func (s *Store) lstat(file string) (fs.FileInfo, error) {
	dir, err := s.dirOf(file)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Lstat(path.Base(file))
}

// read reads a small file of the store.
func (s *Store) read(file string) ([]byte, error) {
	dir, err := s.dirOf(file)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.ReadFile(path.Base(file))
}

// remove removes a file or an empty directory of the store, which may be gone
// already.
func (s *Store) remove(file string) error {
	dir, err := s.dirOf(file)
	if isNothing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	return ignoreMissing(dir.Remove(path.Base(file)))
}

// list lists a directory of the store, which may not be there, in no order, and
// opens it. Whoever calls it closes that, unless it is nil.
func (s *Store) list(dir string) ([]fs.DirEntry, *os.Root, error) {
	d, err := s.openDir(dir)
	if isNothing(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	f, err := d.Open(".")
	if err == nil {
		defer f.Close()
		var list []fs.DirEntry
		if list, err = f.ReadDir(-1); err == nil {
			return list, d, nil
		}
	}
	_ = d.Close()
	if isNothing(err) {
		err = nil
	}
	return nil, nil, err
}

// isNothing reports whether there is no such directory.
func isNothing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, ErrInTheWay)
}
