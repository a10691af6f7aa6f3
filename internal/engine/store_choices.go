package engine

import (
	"iter"
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/protocol"
)

// choices are those entries of this device's index of a folder that Syncthing is to
// revert. Whoever has it revert says which, until it has. Nobody waits for that in a
// folder that is replaced meanwhile, so that there can be more than one who does: the
// latest counts, and none takes away the choice of another.
type choices struct {
	mu  sync.Mutex
	all map[string][]*choice // by folder
}

// choice has the names of the entries; nil for all.
type choice struct{ names map[string]bool }

// only chooses the entries that have one of the names, or all if names is nil, until
// done is called.
func (c *choices) only(folder string, names map[string]bool) (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine := &choice{names}
	if c.all == nil {
		c.all = map[string][]*choice{}
	}
	c.all[folder] = append(c.all[folder], mine)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all[folder] = slices.DeleteFunc(c.all[folder], func(other *choice) bool { return other == mine })
	}
}

// among leaves out of all entries of a folder those that are not chosen.
func (c *choices) among(folder string, entries iter.Seq[protocol.FileInfo]) iter.Seq[protocol.FileInfo] {
	c.mu.Lock()
	defer c.mu.Unlock()
	chosen := c.all[folder]
	if len(chosen) == 0 || chosen[len(chosen)-1].names == nil {
		return entries
	}
	names := chosen[len(chosen)-1].names
	return func(yield func(protocol.FileInfo) bool) {
		for f := range entries {
			if names[f.Name] && !yield(f) {
				return
			}
		}
	}
}

// only has Syncthing revert those of this device's entries of a folder that have one
// of the names, or all if names is nil, until done is called.
func (l *layer[S, O, M, B, P]) only(folder string, names map[string]bool) (done func()) {
	return l.choices.only(folder, names)
}
