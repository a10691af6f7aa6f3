package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/atomicfile"
)

// The directories of a Store.
const (
	devicesDir   = "devices"
	removedDir   = "removed"
	factsDir     = "facts"
	addressesDir = "addresses"
	clocksDir    = "clocks"
	extension    = ".json"
	marker       = ".stfolder"
)

func fileOf(dir, id string) string { return dir + "/" + id + extension }

// Store is the synced folder that holds the records. Other devices can put
// anything there.
type Store struct {
	dir     string
	checkID func(id string) error
	limit   int // of the entries of a directory that are looked at
}

// NewStore returns the store in dir, whose directories are made when something
// is written. checkID may refuse IDs that have the right form; it may be nil.
func NewStore(dir string, checkID func(id string) error) Store {
	if checkID == nil {
		checkID = func(string) error { return nil }
	}
	return Store{dir, checkID, maxEntries}
}

// BadFile is a file of a store that is ignored, and why.
type BadFile struct {
	Path string // within the store, with slashes
	Err  error
}

// Write writes a file in one step, unless it is there with the same contents. What
// stands in its way is removed: the folder is for records alone.
func (s Store) Write(f File) error {
	file := filepath.Join(s.dir, filepath.FromSlash(f.Path))
	if old, err := readRegular(file, int64(len(f.Data))+1); err == nil && string(old) == string(f.Data) {
		return nil
	}
	if err := s.makeWay(f.Path); err != nil {
		return fmt.Errorf("writing %s: %w", f.Path, err)
	}
	// Unfinished files would be announced to the peers.
	if err := atomicfile.WriteVia(filepath.Dir(s.dir), file, f.Data, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", f.Path, err)
	}
	if !sensible(f.At) {
		return nil
	}
	// The same time on every device: what is equal need not be transferred.
	at := f.At.UTC().Truncate(time.Second)
	if err := os.Chtimes(file, at, at); err != nil {
		return fmt.Errorf("writing %s: %w", f.Path, err)
	}
	return nil
}

// makeWay removes what is no directory or no file where there has to be one. Links
// are removed, and what they lead to is not touched.
func (s Store) makeWay(file string) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	top, err := os.OpenRoot(s.dir)
	if err != nil {
		return err
	}
	defer top.Close()
	parts := strings.Split(path.Dir(file), "/")
	for i := range parts {
		if err := makeDirectory(top, path.Join(parts[:i+1]...)); err != nil {
			return err
		}
	}
	if info, err := top.Lstat(file); err == nil && !info.Mode().IsRegular() {
		return top.RemoveAll(file)
	}
	return nil
}

// makeDirectory makes one directory, instead of whatever else is there.
func makeDirectory(top *os.Root, dir string) error {
	info, err := top.Lstat(dir)
	switch {
	case err == nil && info.IsDir():
		if info.Mode().Perm()&0o700 != 0o700 { // another device can take it away
			return top.Chmod(dir, 0o700)
		}
		return nil
	case err == nil:
		err = top.RemoveAll(dir)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return err
	}
	if err := top.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) { // another writer
		return err
	}
	return nil
}

// sensible reports whether a time, which may come from a wrong clock, is one that
// every file system can keep.
func sensible(t time.Time) bool {
	const last = 1<<31 - 1 // seconds, of file systems that count with 32 bits
	return t.Unix() > 0 && t.Unix() < last
}

// Mark puts back the mark without which Syncthing takes the folder for one that
// is not there, and stops it. Nothing is lost by that here: all that was in the
// folder is known, and written again.
func (s Store) Mark() error {
	mark := filepath.Join(s.dir, marker)
	if _, err := os.Stat(mark); err == nil {
		return nil // a file does as well
	}
	if err := os.MkdirAll(mark, 0o700); err != nil {
		return fmt.Errorf("putting back the folder of device records: %w", err)
	}
	return nil
}

// Remove removes a file, which may be gone already.
func (s Store) Remove(path string) error {
	top, err := os.OpenRoot(s.dir)
	if err == nil {
		defer top.Close()
		err = top.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", path, err)
	}
	return nil
}

// Clear removes every record: a device that leaves its network, or whose join
// came to nothing, starts anew.
func (s Store) Clear() error {
	for _, sub := range []string{devicesDir, removedDir, factsDir, addressesDir, clocksDir, messagesDir} {
		if err := os.RemoveAll(filepath.Join(s.dir, sub)); err != nil {
			return fmt.Errorf("clearing device records: %w", err)
		}
	}
	return nil
}
