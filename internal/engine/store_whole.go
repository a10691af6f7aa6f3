package engine

import (
	"iter"
	"sync"

	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
)

// maxWhole is for how many entries of a folder all of them are read at once: they take
// about a kilobyte each.
const maxWhole = 150_000

// whole are all entries of this device's index of a folder, from the first question
// after the start until the first scan has gone through them. It asks for each file
// that is there, and then reads all entries, to see what is there no more: to read them
// once, in their order, takes a third of the time.
type whole struct {
	mu      sync.Mutex
	over    bool                // they are not kept, or no more
	files   []protocol.FileInfo // in the order of the database
	at      map[string]int      // in files, by normalized name; asked for those that have to be
	writers int
}

// asked is of an entry that was written since, or has more blocks than are kept.
const asked = -1

// read reads all entries, unless there are too many, or somebody writes some. Whatever
// happens, it is done once.
func (w *whole) read(count, most int, all iter.Seq[protocol.FileInfo], failed func() error) {
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
	for f := range all {
		name := osutil.NormalizedFilename(f.Name)
		if len(f.Blocks) > recentBlocks {
			f = protocol.FileInfo{Name: f.Name}
			w.at[name] = asked
		} else {
			w.at[name] = len(w.files)
		}
		w.files = append(w.files, f)
	}
	if failed() != nil {
		w.end()
	}
}

// end drops everything. w.mu is held.
func (w *whole) end() { w.over, w.files, w.at = true, nil, nil }

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

// entries returns all of them, those that have to be asked for by ask, and drops them
// at the end. It is false if they were not read.
func (w *whole) entries(ask func(name string) (protocol.FileInfo, bool, error)) (iter.Seq[protocol.FileInfo], func() error, bool) {
	w.mu.Lock()
	files := w.files
	read := w.at != nil
	w.mu.Unlock()
	if !read {
		return nil, nil, false
	}
	var err error
	return func(yield func(protocol.FileInfo) bool) {
		for _, f := range files {
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
		w.at[name] = asked
	}
}

func (w *whole) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writers--
}
