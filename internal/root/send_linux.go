package root

import (
	"os"

	"golang.org/x/sys/unix"
)

func renameNew(staged string, dir int, name string) error {
	return unix.Renameat2(unix.AT_FDCWD, staged, dir, name, unix.RENAME_NOREPLACE)
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
