package engine

import (
	"slices"
	"strings"
	"sync"

	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
)

// failures are the files that could not be read or written in each folder when it last
// came to rest. Syncthing forgets them whenever it begins to pull, and a file that it
// tries again has failed until it has not.
type failures struct {
	mu  sync.Mutex
	all map[string][]model.FileError // by the ID of the folder
}

// noteFailures takes an event that may mean that a folder has come to rest.
func (e *Engine) noteFailures(ev events.Event) {
	data, ok := ev.Data.(map[string]any)
	if !ok || ev.Type != events.StateChanged || data["to"] != "idle" {
		return
	}
	folder, _ := data["folder"].(string)
	failed, err := e.model.FolderErrors(folder)
	if err != nil || e.pulling(folder) {
		return // it has begun again
	}
	e.failures.mu.Lock()
	defer e.failures.mu.Unlock()
	if e.failures.all == nil {
		e.failures.all = map[string][]model.FileError{}
	}
	e.failures.all[folder] = failed
}

// failed returns the files of a folder that could not be read or written: while it
// pulls, also those that could not when it began. The error says that it is not running.
func (e *Engine) failed(folder string) ([]model.FileError, error) {
	pulls := e.pulling(folder) // before it is asked: what has failed by its end is told then
	failed, err := e.model.FolderErrors(folder)
	if err != nil || !pulls {
		return failed, err
	}
	e.failures.mu.Lock()
	defer e.failures.mu.Unlock()
	if len(e.failures.all[folder]) == 0 {
		return failed, nil
	}
	again := make(map[string]bool, len(failed))
	for _, f := range failed {
		again[f.Path] = true
	}
	out := slices.Clone(failed)
	for _, f := range e.failures.all[folder] {
		if !again[f.Path] {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b model.FileError) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}
