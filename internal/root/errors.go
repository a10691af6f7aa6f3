package root

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/botsync/botsync/internal/api"
)

func isNotDir(err error) bool { return errors.Is(err, syscall.ENOTDIR) }

// unusable turns an error of the file system into one that says what to do.
func unusable(dir string, err error) error {
	var known *api.Error
	if errors.As(err, &known) {
		return known
	}
	hint := "Check the directory, or name another one with --root."
	switch {
	case errors.Is(err, fs.ErrPermission):
		hint = "Make it writable for this user, or name another directory with --root."
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		hint = "Free some space, or name a directory on another disk with --root."
	case errors.Is(err, syscall.EROFS):
		hint = "The file system is read-only: name a directory on another one with --root."
	case errors.Is(err, syscall.ENAMETOOLONG):
		hint = "Name a directory with a shorter path with --root."
	case isNotDir(err):
		hint = "Something on the way to it is a file: move that away, or name another directory with --root."
	}
	return api.Errorf(api.CodeRootUnusable, hint, "the root %s cannot be used: %v", dir, cause(err))
}

// cause shortens "mkdir /a/b: permission denied" to what the user needs: the
// path that was refused and the reason, without the system call.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return fmt.Errorf("%s: %w", pathErr.Path, pathErr.Err)
	}
	return err
}
