package network

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Other devices can put any number of files into a store.
const (
	maxEntries = 4 * MaxDevices // that are looked at, of each kind
	readBatch  = 1024           // that are listed at a time
)

// Read returns all that the store holds. Files that are no records are reported
// and otherwise ignored; the error is about the directory itself.
func (s Store) Read() (seen Seen, err error) {
	seen = newSeen()
	defer func() { seen.closed() }()
	top, _, err := list(s.dir, s.limit)
	if err != nil {
		return seen, fmt.Errorf("reading device records: %w", err)
	}
	for _, e := range top {
		if _, known := kinds[e.Name()]; !known && !unfinished(e.Name()) {
			seen.bad(e.Name(), errors.New("nothing of that name belongs here"))
		}
	}
	for _, dir := range []string{removedDir, devicesDir, factsDir, addressesDir} {
		if err := s.readKind(&seen, dir); err != nil {
			return seen, err
		}
	}
	return seen, nil
}

func (s Store) readKind(seen *Seen, sub string) error {
	dir := filepath.Join(s.dir, sub)
	switch err := isDirectory(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		seen.Partial = true // what is in its place cannot be written around
		seen.bad(sub, err)
		return nil
	}
	entries, whole, err := list(dir, s.limit)
	if err != nil {
		return fmt.Errorf("reading device records: %w", err)
	}
	if !whole {
		seen.Partial = true
		seen.bad(sub, fmt.Errorf("it holds more than %d files, and the others are not looked at", s.limit))
	}
	for _, e := range entries {
		seen.add(sub, e.Name(), s.checkID, func(limit int64) ([]byte, error) {
			return readRegular(filepath.Join(dir, e.Name()), limit)
		})
	}
	return nil
}

// list returns the entries of a directory, and whether these are all.
func list(dir string, limit int) (entries []fs.DirEntry, whole bool, err error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer d.Close()
	for len(entries) < limit {
		batch, err := d.ReadDir(min(readBatch, limit-len(entries)))
		entries = append(entries, batch...)
		if errors.Is(err, io.EOF) {
			return entries, true, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	more, _ := d.ReadDir(1)
	return entries, len(more) == 0, nil
}

// readRegular reads at most limit bytes of a file that is nothing else, and is
// reached by no link, also if it is exchanged meanwhile: opening a pipe would
// block for as long as nobody writes to it.
func readRegular(file string, limit int64) ([]byte, error) {
	before, err := os.Lstat(file)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil || !os.SameFile(before, now) {
		return nil, errors.Join(err, errors.New("it was exchanged while it was read"))
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

func isDirectory(dir string) error {
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		return errors.New("it is no directory")
	}
	return err
}
