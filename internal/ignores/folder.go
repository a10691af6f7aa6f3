package ignores

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/atomicfile"
)

// goneAfter is how long a file of patterns has to be missing before it counts as
// removed: some programs that replace a file move the old one away first.
const goneAfter = 2 * time.Second

// Folder is what is kept out of one folder, as its files say now.
type Folder struct {
	dir  string
	copy string // of the last shared file that could be used; empty for none

	mu     sync.Mutex
	set    *Set
	files  map[string]stamp // that the set was made of
	local  []*Rule
	shared []*Rule
	errs   []*LineError
	gone   map[string]time.Time // since when a file is missing
}

// stamp tells a file from another one of its name.
type stamp struct {
	size int64
	time time.Time
	mode fs.FileMode
}

// Open reads the patterns of the folder dir. In the file copyPath it keeps the
// last shared file that could be used, for the time after a restart; it may be
// empty.
func Open(dir, copyPath string) *Folder {
	return &Folder{dir: dir, copy: copyPath, files: map[string]stamp{}, gone: map[string]time.Time{}}
}

// Set returns what is kept out now. It looks at the files of patterns, and reads
// those that have changed. A file with an error changes nothing.
func (f *Folder) Set() *Set {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set != nil && !f.changed() {
		return f.set
	}
	first, before := f.set == nil, f.files
	f.files, f.errs = map[string]stamp{}, nil
	for name := range f.gone { // and not for long enough
		if f.waits(name) {
			f.files[name] = before[name]
		}
	}
	root, err := os.OpenRoot(f.dir)
	if err == nil {
		defer root.Close()
	}
	f.readLocal(root, err, first)
	f.readShared(root, err, first)
	if set := New(f.local, f.shared); first || set.text != f.set.text {
		f.set = set
	}
	return f.set
}

// Errors returns why files of patterns cannot be used.
func (f *Folder) Errors() []*LineError {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.errs
}

// changed reports whether one of the files is another one than was read.
func (f *Folder) changed() bool {
	for _, name := range []string{LocalName, SharedName} {
		if _, ok := f.files[name]; !ok {
			f.files[name] = stamp{}
		}
	}
	for name, was := range f.files {
		now := f.look(name)
		if now == was {
			delete(f.gone, name)
			continue
		}
		if now != (stamp{}) {
			delete(f.gone, name)
		}
		if _, ok := f.gone[name]; now == (stamp{}) && !ok {
			f.gone[name] = time.Now()
		}
		if !f.waits(name) {
			delete(f.gone, name)
			return true
		}
	}
	return false
}

// waits reports whether a file that is missing still counts as it was.
func (f *Folder) waits(name string) bool {
	since, ok := f.gone[name]
	return ok && time.Since(since) < goneAfter
}

// look returns the stamp of a file, which is zero if it is missing.
func (f *Folder) look(name string) stamp {
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return stamp{}
	}
	defer root.Close()
	return stampOf(root.Lstat(name))
}

func stampOf(info fs.FileInfo, err error) stamp {
	if err != nil {
		return stamp{}
	}
	return stamp{info.Size(), info.ModTime(), info.Mode()}
}

// read returns a regular file of the folder; its size is bounded by limit, plus
// one byte that tells that it is larger.
func (f *Folder) read(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	f.files[name] = stampOf(info, err)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit+1))
}

func (f *Folder) readLocal(root *os.Root, err error, first bool) {
	if f.waits(LocalName) {
		return
	}
	var data []byte
	if err == nil {
		data, err = f.read(root, LocalName, maxLocal)
	}
	if errors.Is(err, fs.ErrNotExist) {
		f.local = nil
		return
	}
	var rules []*Rule
	if err == nil {
		rules, err = ParseLocal(data, func(name string) ([]byte, error) { return f.read(root, name, maxLocal) })
	}
	if err != nil {
		f.errs = append(f.errs, lineError(LocalName, err))
	}
	if err == nil || first {
		f.local = rules
	}
}

func (f *Folder) readShared(root *os.Root, err error, first bool) {
	if f.waits(SharedName) {
		return
	}
	var data []byte
	if err == nil {
		data, err = f.read(root, SharedName, MaxBytes)
	}
	if errors.Is(err, fs.ErrNotExist) {
		f.shared = nil
		f.keep(nil)
		return
	}
	var rules []*Rule
	if err == nil {
		rules, err = ParseShared(data)
	}
	if err == nil {
		f.shared = rules
		f.keep(data)
		return
	}
	f.errs = append(f.errs, lineError(SharedName, err))
	if !first {
		return
	}
	f.shared = rules
	if kept, err := os.ReadFile(f.copy); err == nil {
		if before, err := ParseShared(kept); err == nil {
			f.shared = before
		}
	}
}

// keep writes the copy of a shared file that can be used. Without it, the lines
// that can be used would hold after a restart with a file that cannot.
func (f *Folder) keep(data []byte) {
	if f.copy == "" {
		return
	}
	if len(data) == 0 {
		_ = os.Remove(f.copy)
		return
	}
	if before, err := os.ReadFile(f.copy); err == nil && string(before) == string(data) {
		return
	}
	_ = atomicfile.Write(f.copy, data, 0o600)
}

func lineError(file string, err error) *LineError {
	var line *LineError
	if errors.As(err, &line) {
		return line
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &LineError{File: file, Reason: fmt.Sprint("it cannot be read: ", err)}
}
