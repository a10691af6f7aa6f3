package engine

import (
	"cmp"
	"iter"
	"path/filepath"
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
)

// maxWhole is for how many entries of a folder all of them are read at once: they take
// about a kilobyte each.
const maxWhole = 150_000

// maxAsked is how many entries are asked for again one by one, after they were written
// during a scan. With more it is better to read all once more.
const maxAsked = 5000

// whole are all entries of this device's index of a folder, from the first question
// after the start, or from the beginning of a scan of everything, until the scan has gone
// through them. It asks for each file that is there, and then reads all entries, to see
// what is there no more: to read them once, in their order, takes a third of the time.
type whole struct {
	mu      sync.Mutex
	over    bool                // they are not kept, or no more
	files   []protocol.FileInfo // in the order of byPath, those that were added since at the end
	at      map[string]int      // in files, by normalized name; asked for those that have to be
	seen    []bool              // of files: it is there, and as the entry says
	asks    int                 // entries that were written since
	writers int
}

// asked is of an entry that was written since, or has more blocks than are kept.
const asked = -1

// read reads all entries, unless there are too many, or somebody writes some. Whatever
// happens, it is done once in a scan. The database is asked for them only if they are
// read: a question whose answer is not gone through keeps one of its six connections.
func (w *whole) read(count, most int, entries func() (iter.Seq[protocol.FileInfo], func() error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.at != nil || w.writers > 0 {
		return
	}
	if count > most {
		w.over = true
		return
	}
	w.files, w.at = make([]protocol.FileInfo, 0, count), make(map[string]int, count)
	all, failed := entries()
	for f := range all {
		if len(f.Blocks) > recentBlocks {
			f = protocol.FileInfo{Name: f.Name}
			w.at[osutil.NormalizedFilename(f.Name)] = asked
		}
		w.files = append(w.files, f)
	}
	slices.SortFunc(w.files, func(a, b protocol.FileInfo) int { return byPath(a.Name, b.Name) })
	for i, f := range w.files {
		name := osutil.NormalizedFilename(f.Name)
		if _, asked := w.at[name]; !asked {
			w.at[name] = i
		}
	}
	w.seen = make([]bool, len(w.files))
	if failed() != nil {
		w.end()
	}
}

// byPath compares names so that what is in a directory follows it. A scan relies on that
// (folder.scanSubdirsDeletedAndIgnored): it finds out whether something in a directory that
// is kept out is not. The database has no order, and the directory would change back and
// forth with each scan.
func byPath(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := a[i], b[i]; x == y {
			continue
		} else if x == filepath.Separator {
			return -1
		} else if y == filepath.Separator {
			return 1
		} else {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

// end drops everything. w.mu is held.
func (w *whole) end() { w.over, w.files, w.at, w.seen, w.asks = true, nil, nil, nil, 0 }

func (w *whole) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end()
}

// wanted reports whether they have still to be read.
func (w *whole) wanted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.over && w.at == nil && w.writers == 0
}

// get returns the entry of a file, and whether it is known that it is there or not.
func (w *whole) get(name string) (file protocol.FileInfo, found, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == nil {
		return file, false, false
	}
	i, found := w.at[name]
	if !found {
		return file, false, true
	}
	if i == asked {
		return file, false, false
	}
	return cloned(w.files[i]), true, true
}

// held reports whether entries are kept.
func (w *whole) held() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at != nil
}

// seenAs reports whether the entry of a file is kept and is as is says, and notes that
// the file is there then.
func (w *whole) seenAs(name string, is func(protocol.FileInfo) bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, found := w.at[name]
	if !found || i == asked || i >= len(w.seen) || !is(w.files[i]) {
		return false
	}
	w.seen[i] = true
	return true
}

// again says that a scan begins: what was noted is forgotten, and what was dropped is
// wanted.
func (w *whole) again() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.seen)
	w.over = w.over && w.at != nil
}

// settled reports whether nothing is to be asked of an entry any more.
func (w *whole) settled(i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return i < len(w.seen) && w.seen[i] && w.at[osutil.NormalizedFilename(w.files[i].Name)] == i
}

// entries returns all of them but those of files that were noted to be there, those that
// have to be asked for by ask, and drops them at the end. It is false if they were not
// read.
func (w *whole) entries(ask func(name string) (protocol.FileInfo, bool, error)) (iter.Seq[protocol.FileInfo], func() error, bool) {
	w.mu.Lock()
	files, sorted := w.files, len(w.seen)
	read := w.at != nil
	w.mu.Unlock()
	if !read {
		return nil, nil, false
	}
	var err error
	return func(yield func(protocol.FileInfo) bool) {
		order := make([]int, len(files))
		for i := range order {
			order[i] = i
		}
		if sorted < len(files) {
			slices.SortFunc(order, func(i, j int) int { return byPath(files[i].Name, files[j].Name) })
		}
		for _, i := range order {
			if w.settled(i) {
				continue
			}
			f := files[i]
			file, found, known := w.get(osutil.NormalizedFilename(f.Name))
			if !known {
				if file, found, err = ask(f.Name); err != nil {
					return
				}
			}
			if found && !yield(file) {
				return
			}
		}
		w.drop()
	}, func() error { return err }, true
}

// begin says that entries of these names will be written, or any if there are none.
func (w *whole) begin(names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writers++
	if names == nil {
		w.end()
	}
	if w.at == nil {
		return
	}
	for _, name := range names {
		if _, there := w.at[name]; !there {
			w.files = append(w.files, protocol.FileInfo{Name: name})
		}
		if w.at[name] != asked {
			w.asks++
		}
		w.at[name] = asked
	}
	if w.asks > maxAsked {
		w.end()
	}
}

func (w *whole) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writers--
}
