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
	// maxListed bounds the names that are looked through for those.
	maxListed = 1_000_000
	// maxHeld is how much is read, in bytes, of the kinds that are kept while files
	// are merged. A network of 10,000 devices needs some 10 MB.
	maxHeld = 32 << 20
)

// Read returns all that the store holds. Files that are no records are reported
// and otherwise ignored; the error is about the directory itself. However many
// files there are, those of devices that are known are read.
func (s Store) Read(known Known) (seen Seen, err error) {
	seen = newSeen(known)
	defer func() { seen.closed() }()
	top, _, err := list(s.dir, 2*maxBad, func(name string) bool {
		_, known := kinds[name]
		return !known && name != messagesDir && !unfinished(name)
	})
	if err != nil {
		return seen, fmt.Errorf("reading device records: %w", err)
	}
	for _, name := range top {
		seen.bad(name, errors.New("nothing of that name belongs here"))
	}
	for _, dir := range inOrder {
		s.readKind(&seen, dir)
	}
	return seen, nil
}

// readKind takes what stands in the place of a directory for an empty one: what is
// missing there is written, and Write makes way for it.
func (s Store) readKind(seen *Seen, sub string) {
	dir := filepath.Join(s.dir, sub)
	switch err := isDirectory(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		seen.bad(sub, err)
		return
	}
	names, whole, err := list(dir, s.limit, func(name string) bool {
		id, _, ok := recordName(name)
		if !ok && !unfinished(name) {
			seen.bad(sub+"/"+name, errNoRecord)
		}
		return ok && (!ofMembers(sub) || seen.ids[id])
	})
	if err != nil {
		seen.bad(sub, err)
		return
	}
	if !whole {
		seen.bad(sub, fmt.Errorf("it holds more than %d files; of the others only those of known devices are looked at", s.limit))
	}
	for _, name := range seen.order(sub, names, whole) {
		seen.add(sub, name, s.checkID, func(limit int64) ([]byte, error) {
			return readRegular(filepath.Join(dir, name), limit)
		})
	}
}

// list returns the names of a directory that are wanted, and whether these are all.
func list(dir string, limit int, wanted func(name string) bool) (names []string, whole bool, err error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer d.Close()
	for listed := 0; listed < maxListed; {
		batch, err := d.Readdirnames(readBatch)
		listed += len(batch)
		for _, name := range batch {
			if !wanted(name) {
				continue
			}
			if len(names) == limit {
				return names, false, nil
			}
			names = append(names, name)
		}
		if errors.Is(err, io.EOF) {
			return names, true, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return names, false, nil
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
