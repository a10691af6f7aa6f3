package engine

import (
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Syncthing asks for the entry of a file three or four times while the file is
// scanned or pulled, each time with five joined tables. What it was told lately
// is kept for the next time.
const (
	recentFiles = 2048 // for each folder
	// Files with more blocks have more to do than to be asked for.
	recentBlocks = 16
)

// recentKey is a question: for the entry of this device, or for the global one.
type recentKey struct {
	name   string
	global bool
}

type recentAnswer struct {
	file  protocol.FileInfo
	found bool
}

// recent keeps what was lately read of the entries of one folder. An answer is
// only kept if nothing that it may depend on was written since the question.
type recent struct {
	mu      sync.Mutex
	answers *lru.Cache[recentKey, recentAnswer]
	reading map[recentKey][]*bool // by those who read now: whether their answer is stale
	writing map[string]int        // how many write an entry of this name now
	all     int                   // how many write any entries now
}

func newRecent() *recent {
	answers, _ := lru.New[recentKey, recentAnswer](recentFiles) // fails for sizes below 1
	return &recent{answers: answers, reading: map[recentKey][]*bool{}, writing: map[string]int{}}
}

// get answers from what is kept, or by read.
func (r *recent) get(name string, global bool, read func() (protocol.FileInfo, bool, error)) (protocol.FileInfo, bool, error) {
	key := recentKey{osutil.NormalizedFilename(name), global}
	r.mu.Lock()
	if a, ok := r.answers.Get(key); ok {
		r.mu.Unlock()
		return cloned(a.file), a.found, nil
	}
	stale := r.all > 0 || r.writing[key.name] > 0
	r.reading[key] = append(r.reading[key], &stale)
	r.mu.Unlock()

	file, found, err := read()

	r.mu.Lock()
	defer r.mu.Unlock()
	if left := slices.DeleteFunc(r.reading[key], func(s *bool) bool { return s == &stale }); len(left) > 0 {
		r.reading[key] = left
	} else {
		delete(r.reading, key)
	}
	if err == nil && !stale && len(file.Blocks) <= recentBlocks {
		r.answers.Add(key, recentAnswer{cloned(file), found})
	}
	return file, found, err
}

// write has entries of these names written, or any entries if there are no names.
func (r *recent) write(names []string, write func() error) error {
	r.begin(names)
	defer r.end(names)
	return write()
}

func (r *recent) begin(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if names == nil {
		r.all++
		r.answers.Purge()
		for _, readers := range r.reading {
			for _, stale := range readers {
				*stale = true
			}
		}
	}
	for _, name := range names {
		r.writing[name]++
		for _, key := range []recentKey{{name, false}, {name, true}} {
			r.answers.Remove(key)
			for _, stale := range r.reading[key] {
				*stale = true
			}
		}
	}
}

func (r *recent) end(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if names == nil {
		r.all--
	}
	for _, name := range names {
		if r.writing[name]--; r.writing[name] == 0 {
			delete(r.writing, name)
		}
	}
}

// cloned returns an entry whose parts the caller may change: Syncthing counts up
// versions in place.
func cloned(f protocol.FileInfo) protocol.FileInfo {
	f.Version = f.Version.Copy()
	f.Blocks = slices.Clone(f.Blocks)
	return f
}

// normalized returns the names of entries as the database has them.
func normalized(files []protocol.FileInfo) []string {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = osutil.NormalizedFilename(f.Name)
	}
	return names
}
