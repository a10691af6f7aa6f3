package engine

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/protocol"

	filenames "github.com/botsync/botsync/internal/names"
)

// badNames are the paths of a folder that a system cannot hold, at a point of the
// index of this device.
type badNames struct {
	index    protocol.IndexID
	sequence int64
	paths    map[string]bool // slash-separated
}

// badNameSets remember them, since finding them takes a look at every name.
type badNameSets struct {
	mu  sync.Mutex
	all map[[2]string]*badNames // by folder ID and system
}

// Unholdable returns the paths in a folder on this device, slash-separated and in
// order, that a system cannot hold; see package names. The first time it looks at
// all of the index, and then at what has changed.
func (e *Engine) Unholdable(folder, system string) ([]string, error) {
	wrap := func(err error) error { return fmt.Errorf("looking at the names in %s: %w", folder, err) }
	e.badNames.mu.Lock()
	defer e.badNames.mu.Unlock()
	index, err := e.db.GetIndexID(folder, protocol.LocalDeviceID)
	if err != nil {
		return nil, wrap(err)
	}
	sequence, err := e.db.GetDeviceSequence(folder, protocol.LocalDeviceID)
	if err != nil {
		return nil, wrap(err)
	}
	key := [2]string{folder, system}
	set := e.badNames.all[key]
	if set == nil || set.index != index || set.sequence > sequence {
		set = &badNames{index: index, paths: map[string]bool{}}
	}
	if set.sequence < sequence {
		entries, failed := e.db.AllLocalFilesBySequence(folder, protocol.LocalDeviceID, set.sequence+1, 0)
		for f := range entries {
			set.sequence = max(set.sequence, f.Sequence)
			set.note(f, system)
		}
		if err := failed(); err != nil {
			return nil, wrap(err)
		}
		set.sequence = max(set.sequence, sequence)
	}
	if e.badNames.all == nil {
		e.badNames.all = map[[2]string]*badNames{}
	}
	e.badNames.all[key] = set
	return slices.Sorted(maps.Keys(set.paths)), nil
}

func (s *badNames) note(f protocol.FileInfo, system string) {
	path := filepath.ToSlash(f.Name)
	if _, bad := filenames.Unholdable(path, system); bad && !f.IsDeleted() && !f.IsInvalid() {
		s.paths[path] = true
	} else {
		delete(s.paths, path)
	}
}
