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
	err = unix.Renameat2(unix.AT_FDCWD, staged, int(d.Fd()), name, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return renameSlowly(staged, dir, name, isDir) // this file system cannot do so
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: staged, New: name, Err: err}
	}
	return nil
}

// syncsAll says that syncAll is to be had: it takes less time than to write each
// of many files to disk by itself.
const syncsAll = true

// syncAll writes to disk all that the file system of dir holds in memory.
func syncAll(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}
