package root

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// tempPrefix marks files that are not finished. Its dot hides them, and Create
// removes those that a killed process left.
const tempPrefix = ".tmp-"

// writeAtomic replaces path by data in one step: whoever opens it, also after a
// power cut, finds the old content or the new one, complete.
func writeAtomic(path string, data []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, tempPrefix+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil && mode != modeSecret && runtime.GOOS != "windows" {
		err = f.Chmod(mode) // CreateTemp makes it 0600
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir survive a power cut. File systems that cannot
// do that for a directory say so with an error that helps nobody.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
