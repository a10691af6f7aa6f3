package engine

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
)

// pullJournal notes what Syncthing does to the files of a folder on behalf of
// peers, before it does so. The index says it up to two seconds later; after a
// kill in between, the first scan would take it for changes of this device: others
// would be told so, and what a peer has changed since would be a conflict.
//
// It survives a kill, not a power cut: after that the files are not known to be
// what was written either.
type pullJournal struct {
	path string

	mu    sync.Mutex
	file  *os.File
	since time.Time // of the first entry in file
}

// journalAge is how long an entry is kept at least. It is far above the time that
// Syncthing takes to write its index.
const journalAge = time.Minute

// pullEntry is one line of a journal.
type pullEntry struct {
	Name    string    `json:"name"`
	Deleted bool      `json:"deleted,omitempty"`
	Inode   uint64    `json:"inode,omitempty"` // of what is to be there, 0 if the system has none
	Size    int64     `json:"size,omitempty"`  // in bytes
	Time    time.Time `json:"time"`

	after bool // it follows the removal of what was there
}

// journals are those of the folders, by their roots, for the file systems that
// Syncthing makes for itself.
var journals sync.Map // string → *pullJournal

func journalOf(root string) *pullJournal {
	if j, ok := journals.Load(root); ok {
		return j.(*pullJournal)
	}
	return nil
}

// placed notes that what info describes is to be named name.
func (j *pullJournal) placed(name string, info fs.FileInfo, err error) {
	if j != nil && err == nil && info.IsRegular() {
		j.add(pullEntry{Name: name, Inode: inodeOf(info), Size: info.Size()})
	}
}

// removed notes that name is to be removed.
func (j *pullJournal) removed(name string) {
	if j != nil && !fs.IsTemporary(name) && !fs.IsInternal(name) {
		j.add(pullEntry{Name: name, Deleted: true})
	}
}

func (j *pullJournal) add(e pullEntry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Time = time.Now()
	if j.file != nil && e.Time.Sub(j.since) > journalAge {
		_ = j.file.Close()
		j.file = nil
		_ = os.Rename(j.path, j.path+".old")
	}
	line, err := json.Marshal(e)
	if err == nil && j.file == nil {
		j.since = e.Time
		j.file, err = os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	}
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	if err != nil {
		slog.Warn("A kill may make a conflict copy of what is being received", "error", err)
	}
}

// read returns the last entry of each name. A line that cannot be read, such as
// one that a kill cut short, ends a file.
func (j *pullJournal) read() map[string]pullEntry {
	entries := map[string]pullEntry{}
	for _, path := range []string{j.path + ".old", j.path} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		lines := json.NewDecoder(bufio.NewReader(f))
		for {
			var e pullEntry
			if lines.Decode(&e) != nil {
				break
			}
			name := filepath.Clean(e.Name)
			e.after = entries[name].Deleted || entries[name].after
			entries[name] = e
		}
		_ = f.Close()
	}
	// What is much older than the last one is in the index.
	var last time.Time
	for _, e := range entries {
		last = later(last, e.Time)
	}
	maps.DeleteFunc(entries, func(_ string, e pullEntry) bool { return last.Sub(e.Time) > journalAge })
	return entries
}

// clear forgets all entries.
func (j *pullJournal) clear() {
	_ = os.Remove(j.path + ".old")
	_ = os.Remove(j.path)
}

func (j *pullJournal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		_ = j.file.Close()
		j.file = nil
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
