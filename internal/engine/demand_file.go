package engine

import (
	"cmp"
	"io"
	"sync"
	"sync/atomic"

	"github.com/syncthing/syncthing/lib/fs"
)

// maxKeptOpen is how many temporary files of all folders stay open from one block
// to the next.
const maxKeptOpen = 64

var keptOpen atomic.Int64

// demandFile is a temporary file that is opened, and made, when there is something
// to be written to it.
//
// Syncthing opens one for each block that it has asked for, and bounds these by
// their bytes alone (sendReceiveFolder.pullerRoutine): of files of a few bytes, that
// are more than a process may have open. So a file is closed when all of it is
// there, and one that waits for more stays open only while few do. Syncthing's
// limit of concurrent writes bounds the others.
//
// That also brings errors to where Syncthing listens: it loses that of making the
// file (sharedPullerState.finalClose returns it with false, which finisherRoutine
// takes for a file that is not complete yet), and the file would be lacking with no
// word about it.
type demandFile struct {
	fsys  fs.Filesystem
	name  string
	flags int
	mode  fs.FileMode
	// later, if there is one, takes what makes a file to which nothing was written: it
	// is all of it a hole, or could not be had, and nobody else can tell.
	later func(name string, make func() error)

	mu      sync.Mutex
	file    fs.File // nil while it is not open
	users   int     // of the open file
	kept    bool    // counted in keptOpen
	resting bool
	made    bool
	late    bool  // it is made after Syncthing has shown it, which it does once
	size    int64 // that it will be given when it is made; negative if none
	err     error // of the first time that it could not be opened or closed
}

func newDemandFile(fsys fs.Filesystem, name string, flags int, mode fs.FileMode) *demandFile {
	return &demandFile{fsys: fsys, name: name, flags: flags, mode: mode, size: -1}
}

// with does something with the open file.
func (f *demandFile) with(do func(fs.File) error) error {
	f.mu.Lock()
	if err := f.open(); err != nil {
		f.mu.Unlock()
		return err
	}
	f.users++
	file := f.file
	f.mu.Unlock()
	err := do(file)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users--
	f.leave()
	return err
}

// open is called with mu held.
func (f *demandFile) open() error {
	if f.file != nil {
		return nil
	}
	flags := f.flags
	if f.made {
		flags &^= fs.OptCreate | fs.OptExclusive | fs.OptTruncate
	}
	file, err := f.fsys.OpenFile(f.name, flags, f.mode)
	if err != nil {
		f.err = cmp.Or(f.err, err)
		return err
	}
	if !f.made {
		if !f.late {
			_ = f.fsys.Hide(f.name)
		}
		if f.size >= 0 {
			// Where it cannot be, the file grows as it is written.
			_ = file.Truncate(f.size)
		}
	}
	f.file, f.made = file, true
	return nil
}

// leave closes the file if nobody uses it and it is not to be kept open. It is
// called with mu held.
func (f *demandFile) leave() {
	if f.users > 0 || f.file == nil {
		return
	}
	if !f.resting && (f.kept || f.keep()) {
		return
	}
	f.err = cmp.Or(f.err, f.file.Close())
	f.file = nil
	if f.kept {
		f.kept = false
		keptOpen.Add(-1)
	}
}

func (f *demandFile) keep() bool {
	if keptOpen.Add(1) > maxKeptOpen {
		keptOpen.Add(-1)
		return false
	}
	f.kept = true
	return true
}

func (f *demandFile) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resting = true
	f.leave()
}

func (f *demandFile) Name() string { return f.name }

func (f *demandFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.with(func(file fs.File) error {
		n, err = file.WriteAt(p, off)
		return err
	})
	return n, err
}

// Truncate only notes the size of a file that is not there yet. If the file cannot
// be opened, the next write says so: an error here would be lost.
func (f *demandFile) Truncate(size int64) error {
	f.mu.Lock()
	if !f.made && f.flags&fs.OptCreate != 0 {
		f.size = size
		f.mu.Unlock()
		return nil
	}
	err := f.open()
	f.mu.Unlock()
	if err != nil {
		return nil
	}
	return f.with(func(file fs.File) error { return file.Truncate(size) })
}

func (f *demandFile) Sync() error {
	f.mu.Lock()
	untouched, err := f.untouched(), f.err
	f.mu.Unlock()
	if untouched {
		return err
	}
	return f.with(fs.File.Sync)
}

// untouched reports whether there is no file, and need be none until it gets its
// name. It is called with mu held.
func (f *demandFile) untouched() bool {
	return !f.made && f.size > 0 && f.flags&fs.OptCreate != 0 && f.later != nil
}

func (f *demandFile) Stat() (info fs.FileInfo, err error) {
	err = f.with(func(file fs.File) error {
		info, err = file.Stat()
		return err
	})
	return info, err
}

func (f *demandFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.with(func(file fs.File) error {
		n, err = file.ReadAt(p, off)
		return err
	})
	return n, err
}

// Close makes the file if nothing was written to it since it is empty.
func (f *demandFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.untouched() {
		if f.err == nil {
			f.later(f.name, f.makeHole)
		}
		return f.err
	}
	if !f.made {
		if err := f.open(); err != nil {
			return err
		}
	}
	f.resting = true
	f.leave()
	return f.err
}

func (f *demandFile) makeHole() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.late = true
	if err := f.open(); err != nil {
		return err
	}
	f.err = cmp.Or(f.err, f.file.Sync())
	f.resting = true
	f.leave()
	return f.err
}

// Nobody reads or writes a temporary file from one end to the other.

func (f *demandFile) Read([]byte) (int, error)       { return 0, io.EOF }
func (f *demandFile) Write([]byte) (int, error)      { return 0, io.ErrShortWrite }
func (f *demandFile) Seek(int64, int) (int64, error) { return 0, io.ErrUnexpectedEOF }
