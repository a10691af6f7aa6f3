package engine

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/syncthing/syncthing/lib/fs"

	filenames "github.com/botsync/botsync/internal/names"
)

// namingFS says what a file system cannot hold that is not the system's own: those of
// USB sticks and of Windows say of a name that they do not allow that an argument was
// invalid, or that something was not found.
type namingFS struct{ fs.Filesystem }

// errName is what Windows says of such a name, and errNoLinks what Syncthing says of it.
var (
	errName    = errors.New("the file name is invalid on this file system")
	errNoLinks = errors.New("symlinks not supported by this file system")
)

// named says what is wrong with a name that could not be given, if that is what it is.
func (n namingFS) named(name string, err error) error {
	if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
		return err
	}
	for path := filepath.Clean(name); path != "."; path = filepath.Dir(path) {
		reason, bad := filenames.Unholdable(filepath.ToSlash(filepath.Base(path)), filenames.Windows)
		if !bad {
			continue
		}
		if _, perr := n.Filesystem.Lstat(filepath.Dir(path)); perr != nil {
			continue // that may be all that is wrong
		}
		if _, lerr := n.Filesystem.Lstat(path); lerr != nil {
			return fmt.Errorf("%w: %s (%v)", errName, reason.Text, err) // not taken for a file that is missing
		}
	}
	return err
}

func (n namingFS) OpenFile(name string, flags int, mode fs.FileMode) (fs.File, error) {
	file, err := n.Filesystem.OpenFile(name, flags, mode)
	if err != nil && flags&fs.OptCreate != 0 {
		err = n.named(name, err)
	}
	return file, err
}

func (n namingFS) Create(name string) (fs.File, error) {
	file, err := n.Filesystem.Create(name)
	return file, n.named(name, err)
}

func (n namingFS) Mkdir(name string, perm fs.FileMode) error {
	return n.named(name, n.Filesystem.Mkdir(name, perm))
}

func (n namingFS) MkdirAll(name string, perm fs.FileMode) error {
	return n.named(name, n.Filesystem.MkdirAll(name, perm))
}

func (n namingFS) Rename(from, to string) error {
	err := n.Filesystem.Rename(from, to)
	if err == nil {
		return nil
	}
	if _, lerr := n.Filesystem.Lstat(from); lerr != nil {
		return err
	}
	return n.named(to, err)
}

// CreateSymlink says EPERM where a file system has no links; see symlink(2).
func (n namingFS) CreateSymlink(target, name string) error {
	err := n.Filesystem.CreateSymlink(target, name)
	if errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("%w (%v)", errNoLinks, err)
	}
	return n.named(name, err)
}
