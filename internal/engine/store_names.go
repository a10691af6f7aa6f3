package engine

import (
	"hash/maphash"
	"sync"
)

// maxNames is for how many names of a folder it is known that nothing else is
// there. They take about 20 bytes each.
const maxNames = 1_000_000

// localNames knows which names are not in this device's index of a folder, from
// when it has seen all of them. That saves the questions for new files, which are
// asked several times for each. It keeps hashes: two names with the same hash lead
// to one question more.
type localNames struct {
	mu       sync.Mutex
	seed     maphash.Seed
	hashes   map[uint64]struct{}
	complete bool
}

func newLocalNames(empty bool) *localNames {
	return &localNames{seed: maphash.MakeSeed(), hashes: map[uint64]struct{}{}, complete: empty}
}

// add takes names that are about to be written.
func (n *localNames) add(names ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hashes == nil {
		return
	}
	for _, name := range names {
		n.hashes[maphash.String(n.seed, name)] = struct{}{}
	}
	if len(n.hashes) > maxNames {
		n.hashes, n.complete = nil, false
	}
}

// finish says that all names of the index have been added.
func (n *localNames) finish() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.complete = n.hashes != nil
}

// known reports whether all names are known.
func (n *localNames) known() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.complete
}

// absent reports whether a name is certainly not in the index.
func (n *localNames) absent(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.complete {
		return false
	}
	_, there := n.hashes[maphash.String(n.seed, name)]
	return !there
}
