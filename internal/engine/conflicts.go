package engine

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/conflict"
)

// conflictSets remembers the conflict copies of folders at a point of the index:
// finding them takes a look at every name. After that only what has changed is
// looked at.
type conflictSets struct {
	mu  sync.Mutex
	all map[string]*conflictSet // by folder ID
}

type conflictSet struct {
	index    protocol.IndexID
	sequence int64
	paths    map[string]bool // slash-separated
}

// ConflictCopies returns the paths of the conflict copies in a folder on this
// device, slash-separated, in order. Anybody can give a file such a name.
func (e *Engine) ConflictCopies(folder string) ([]string, error) {
	var out []string
	err := e.withConflicts(folder, func(paths map[string]bool) { out = slices.Sorted(maps.Keys(paths)) })
	return out, err
}

func (e *Engine) conflicts(folder string) (count int, err error) {
	err = e.withConflicts(folder, func(paths map[string]bool) { count = len(paths) })
	return count, err
}

// withConflicts calls do with the conflict copies of a folder, which it must not
// keep.
func (e *Engine) withConflicts(folder string, do func(map[string]bool)) error {
	wrap := func(err error) error { return fmt.Errorf("looking for conflicts in %s: %w", folder, err) }
	e.sets.mu.Lock()
	defer e.sets.mu.Unlock()
	index, err := e.db.GetIndexID(folder, protocol.LocalDeviceID)
	if err != nil {
		return wrap(err)
	}
	sequence, err := e.db.GetDeviceSequence(folder, protocol.LocalDeviceID)
	if err != nil {
		return wrap(err)
	}
	set := e.sets.all[folder]
	if set == nil || set.index != index || set.sequence > sequence {
		if set, err = e.allConflicts(folder, index); err != nil {
			return wrap(err)
		}
	}
	if set.sequence < sequence {
		entries, failed := e.db.AllLocalFilesBySequence(folder, protocol.LocalDeviceID, set.sequence+1, 0)
		for f := range entries {
			set.sequence = max(set.sequence, f.Sequence)
			set.note(f)
		}
		if err := failed(); err != nil {
			return wrap(err)
		}
		set.sequence = max(set.sequence, sequence) // those in between were replaced by later ones
	}
	if e.sets.all == nil {
		e.sets.all = map[string]*conflictSet{}
	}
	e.sets.all[folder] = set
	do(set.paths)
	return nil
}

// allConflicts looks at all names: those that any device knows are had without the
// rest of their entries.
func (e *Engine) allConflicts(folder string, index protocol.IndexID) (*conflictSet, error) {
	set := &conflictSet{index: index, paths: map[string]bool{}}
	var err error
	if set.sequence, err = e.db.GetDeviceSequence(folder, protocol.LocalDeviceID); err != nil {
		return nil, err
	}
	var found []string
	names, failed := e.model.AllGlobalFiles(folder)
	for f := range names {
		if IsConflictCopy(f.Name) {
			found = append(found, f.Name)
		}
	}
	if err := failed(); err != nil {
		return nil, err
	}
	for _, name := range found {
		f, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, name)
		if err != nil {
			return nil, err
		}
		if ok {
			set.note(f)
		}
	}
	return set, nil
}

func (s *conflictSet) note(f protocol.FileInfo) {
	name := filepath.ToSlash(f.Name)
	if f.IsDeleted() || f.IsInvalid() || f.IsDirectory() || f.IsSymlink() {
		delete(s.paths, name)
	} else if IsConflictCopy(name) {
		s.paths[name] = true
	}
}

// IsConflictCopy reports whether a file is named as the losing version of a
// conflict is; see [conflict.Parse].
func IsConflictCopy(name string) bool {
	if !strings.Contains(name, ".sync-conflict-") {
		return false // almost all are done with here
	}
	_, ok := conflict.Parse(filepath.ToSlash(name))
	return ok
}

// OriginalOf returns the path of the file that a conflict copy is a version of, as
// far as this device's index knows one.
func (e *Engine) OriginalOf(folder, copied string) (string, error) {
	n, ok := conflict.Parse(copied)
	if !ok {
		return "", nil
	}
	n = n.Original()
	if !n.Short {
		return n.Base, nil
	}
	found := ""
	files, failed := e.db.below(folder, filepath.FromSlash(n.Beginning()))
	for f := range files {
		if name := filepath.ToSlash(f.Name); found == "" && n.Of(name) {
			found = name
		}
	}
	if err := failed(); err != nil {
		return "", fmt.Errorf("looking for the file that %s is a copy of: %w", copied, err)
	}
	if found == "" {
		found = n.Base
	}
	return found, nil
}
