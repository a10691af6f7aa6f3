package engine

import (
	"iter"
	"path"
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
)

// The first scan of a folder asks for the entry of each file, one directory after
// the other. To read those of a directory at once takes a third of the time.
const (
	aheadAfter = 8      // questions for one directory, one after the other
	aheadDirs  = 8      // directories that are kept: a scan comes back from those below
	aheadFiles = 10_000 // in a directory; what is below it counts, as it is read as well
)

// ahead keeps this device's entries of directories that a scan is in.
type ahead struct {
	mu      sync.Mutex
	dirs    []aheadDir // the one that was used last is the first
	last    string     // directory that was asked for last
	asked   int        // how often, one after the other
	writers int
}

type aheadDir struct {
	name  string
	files map[string]*protocol.FileInfo // nil for those that have to be asked for; all, if the map is nil
}

// get returns the entry of a file, and whether it is known that it is there or not.
// It may call read with the prefix of the names in a directory.
func (a *ahead) get(name string, read func(prefix string) (iter.Seq[protocol.FileInfo], func() error)) (file protocol.FileInfo, found, known bool) {
	dir := path.Dir(name)
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.dirs, func(d aheadDir) bool { return d.name == dir })
	if i < 0 {
		if a.last != dir {
			a.last, a.asked = dir, 0
		}
		// All names begin with those of the topmost directory.
		if a.asked++; a.asked < aheadAfter || a.writers > 0 || dir == "." {
			return file, false, false
		}
		a.dirs = slices.Insert(a.dirs, 0, aheadDir{dir, readDir(dir, read)})
		a.dirs = a.dirs[:min(len(a.dirs), aheadDirs)]
	} else if i > 0 {
		d := a.dirs[i]
		a.dirs = slices.Insert(slices.Delete(a.dirs, i, i+1), 0, d)
	}
	files := a.dirs[0].files
	if files == nil {
		return file, false, false
	}
	f, found := files[path.Base(name)]
	if !found {
		return file, false, true
	}
	if f == nil {
		return file, false, false
	}
	return cloned(*f), true, true
}

// readDir returns the entries of a directory, or nil if there are too many or they
// cannot be read.
func readDir(dir string, read func(prefix string) (iter.Seq[protocol.FileInfo], func() error)) map[string]*protocol.FileInfo {
	files := map[string]*protocol.FileInfo{}
	entries, failed := read(dir + "/")
	seen := 0
	for f := range entries {
		if seen++; seen > aheadFiles {
			files = nil
			break
		}
		if name := osutil.NormalizedFilename(f.Name); path.Dir(name) == dir {
			files[path.Base(name)] = &f
		}
	}
	if failed() != nil {
		return nil
	}
	return files
}

// begin says that entries of these names will be written, or any if there are none.
func (a *ahead) begin(names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writers++
	if names == nil {
		a.dirs = nil
	}
	for _, name := range names {
		dir := path.Dir(name)
		for _, d := range a.dirs {
			if d.name == dir && d.files != nil {
				d.files[path.Base(name)] = nil
			}
		}
	}
}

func (a *ahead) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writers--
}

// drop forgets everything.
func (a *ahead) drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dirs = nil
}
