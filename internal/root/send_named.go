//go:build linux || darwin

package root

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// rename gives staged a name in dir that nothing has, in one step; fs.ErrExist
// if something has it.
func rename(staged string, dir *os.Root, name string, isDir bool) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	err = renameNew(staged, int(d.Fd()), name)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EINVAL) {
		return renameSlowly(staged, dir, name, isDir) // this file system cannot do so
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: staged, New: name, Err: err}
	}
	return nil
}
