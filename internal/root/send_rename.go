package root

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// renameSlowly is rename where the system has no call for it. The name is taken
// before it is given: by a link to a file, which is the file itself, else by
// something empty that is replaced in one step.
func renameSlowly(staged string, dir *os.Root, name string, isDir bool) error {
	to := filepath.Join(dir.Name(), name)
	if isDir {
		if err := dir.Mkdir(name, modePrivate); err != nil {
			return err
		}
		if runtime.GOOS == "windows" { // where nothing replaces a directory
			if err := dir.Remove(name); err != nil {
				return err
			}
		}
		if err := syscall.Rename(staged, to); err != nil { // os.Rename replaces no directory
			return errors.Join(&os.LinkError{Op: "rename", Old: staged, New: to, Err: err}, ignoreMissing(dir.Remove(name)))
		}
		return nil
	}
	err := os.Link(staged, to)
	if err == nil {
		return os.Remove(staged)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	// It has no links, or not across disks.
	f, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, modeSecret)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(staged, to); err != nil {
		return errors.Join(err, dir.Remove(name))
	}
	return nil
}

// syncDir makes sure that a name outlives a loss of power, where the system can.
func syncDir(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync() // not every system and file system can
	return nil
}
