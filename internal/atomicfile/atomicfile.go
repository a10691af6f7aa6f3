// Package atomicfile replaces files in one step.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// TempPrefix marks files that are not finished. Its dot hides them; what a
// killed process left under such a name can be removed.
const TempPrefix = ".tmp-"

// Write replaces path by data: whoever opens it, also after a power cut, finds
// the old content or the new one, complete. The unfinished file is in the same
// directory.
func Write(path string, data []byte, mode fs.FileMode) error {
	return WriteVia(filepath.Dir(path), path, data, mode)
}

// WriteVia is Write with the unfinished file in the directory temp, for a
// directory in which no such file must ever be seen. Both must be on one file
// system.
func WriteVia(temp, path string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(temp, TempPrefix+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil && mode != 0o600 && runtime.GOOS != "windows" {
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
	return syncDir(filepath.Dir(path))
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
