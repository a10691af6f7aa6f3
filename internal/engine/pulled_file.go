package engine

import (
	"sync/atomic"

	"github.com/syncthing/syncthing/lib/fs"
)

// pulledFile is a temporary file. It is synced to the disk with its last write, of
// which Syncthing has several under way, and not when it is closed, which it does
// for one file after the other: many small files would wait for the disk most of
// the time.
type pulledFile struct {
	demanded
	size    atomic.Int64 // in bytes, when it will be complete
	written atomic.Int64 // bytes, so far
	changes atomic.Int64 // so far
	synced  atomic.Int64 // as many of the changes are on the disk
	closed  func(whole bool)
}

func (f *pulledFile) Close() error {
	err := f.demanded.Close()
	f.closed(err == nil && f.size.Load() > 0 && f.written.Load() == f.size.Load())
	return err
}

func (f *pulledFile) Truncate(size int64) error {
	defer f.changes.Add(1)
	f.size.Store(size)
	return f.demanded.Truncate(size)
}

func (f *pulledFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.demanded.WriteAt(p, off)
	f.changes.Add(1)
	if all := f.written.Add(int64(n)); err == nil && all == f.size.Load() {
		if f.Sync() == nil { // else it will be tried again
			f.rest()
		}
	}
	return n, err
}

// Sync does nothing if all that was written is on the disk already.
func (f *pulledFile) Sync() error {
	changes := f.changes.Load()
	if changes > 0 && f.synced.Load() == changes {
		return nil
	}
	if err := f.demanded.Sync(); err != nil {
		return err
	}
	f.synced.Store(changes)
	return nil
}

// demanded is the file below a pulledFile.
type demanded interface {
	fs.File
	rest() // there is no need to keep it open
}
