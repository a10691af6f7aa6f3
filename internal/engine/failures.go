package engine

import (
	"slices"
	"strings"
	"sync"

	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// failures are the files that could not be written when each folder had last pulled.
// Syncthing forgets them whenever it begins to pull, and a file that it tries again has
// failed until it has not.
type failures struct {
	mu    sync.Mutex
	all   map[string][]model.FileError // by the ID of the folder
	fresh map[string]bool              // of a pull that is under way
}

// maxFailures is for how many failures it is asked whether they are still to be tried
// again. There are more of them where there is a reason for all, such as a full disk.
const maxFailures = 1000

// noteFailures takes an event that may tell of them, or that a folder has pulled. The
// first comes before the second.
func (e *Engine) noteFailures(ev events.Event) {
	data, ok := ev.Data.(map[string]any)
	if !ok {
		return
	}
	folder, _ := data["folder"].(string)
	fs := &e.failures
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.all == nil {
		fs.all, fs.fresh = map[string][]model.FileError{}, map[string]bool{}
	}
	switch ev.Type {
	case events.FolderErrors:
		if failed, ok := data["errors"].([]model.FileError); ok {
			fs.all[folder], fs.fresh[folder] = failed, true
		}
	case events.StateChanged:
		from, _ := data["from"].(string)
		if data["to"] != "idle" || stateName(from) != StateSyncing {
			return
		}
		if !fs.fresh[folder] {
			delete(fs.all, folder)
		}
		delete(fs.fresh, folder)
	}
}

// failed returns the files of a folder that could not be read or written: while it
// pulls, also those that could not before and are still to be. The error says that it
// is not running.
func (e *Engine) failed(folder string) ([]model.FileError, error) {
	failed, err := e.failedToPull(folder)
	clashes := e.clashes.of(folder)
	if err != nil || len(clashes) == 0 {
		return failed, err
	}
	failed = slices.Clone(failed)
	for _, f := range clashes {
		if e.needs(folder, f.Path) && !slices.ContainsFunc(failed, func(o model.FileError) bool { return o.Path == f.Path }) {
			failed = append(failed, f)
		}
	}
	slices.SortFunc(failed, func(a, b model.FileError) int { return strings.Compare(a.Path, b.Path) })
	return failed, nil
}

func (e *Engine) failedToPull(folder string) ([]model.FileError, error) {
	pulls := e.pulling(folder) // before it is asked: what has failed by its end is told then
	failed, err := e.model.FolderErrors(folder)
	if err != nil || !pulls {
		return failed, err
	}
	e.failures.mu.Lock()
	before := e.failures.all[folder]
	e.failures.mu.Unlock()
	if len(before) == 0 || len(before) > maxFailures {
		return failed, nil
	}
	again := make(map[string]bool, len(failed))
	for _, f := range failed {
		again[f.Path] = true
	}
	out := slices.Clone(failed)
	for _, f := range before {
		if !again[f.Path] && e.needs(folder, f.Path) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b model.FileError) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// needs reports whether this device has still to get, or to remove, a file.
func (e *Engine) needs(folder, name string) bool {
	global, there, err := e.db.GetGlobalFile(folder, name)
	if err != nil || !there {
		return false
	}
	mine, have, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, name)
	if err != nil {
		return false
	}
	if !have {
		return !global.Deleted
	}
	return !mine.Version.Equal(global.Version)
}
