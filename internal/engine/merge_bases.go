package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/protocol"
)

// To merge what two devices added to a file it must be known for certain what they
// both had before. So of files that are to be merged the engine remembers versions:
// how large each was and a hash of it, not what was in it. A version vector tells
// which of them two others come from.

// Of each file so many versions are remembered: those that another device is known
// to have had, those that it is not, and those that only other devices had. Who is apart
// from the others for a week may make any number of the second kind.
const (
	maxShared   = 16
	maxUnshared = 16
	maxForeign  = 16
	// maxVector bounds the devices in the version of a file, which comes from peers.
	maxVector = 1000
)

// seenVersion is one version of a file.
type seenVersion struct {
	Vector map[protocol.ShortID]uint64 `json:"vector"`
	Size   int64                       `json:"size"`  // bytes
	Block  int                         `json:"block"` // size of the blocks that were hashed
	Hash   []byte                      `json:"hash"`  // of the blocks' hashes
	Shared bool                        `json:"shared,omitempty"`
	// Foreign says that it was never here: a peer has told of it. It serves to know a
	// version that has lost, not as what others come from.
	Foreign bool `json:"foreign,omitempty"`
}

// keyValues is where versions are remembered. It goes with the index.
type keyValues interface {
	GetKV(key string) ([]byte, error)
	PutKV(key string, value []byte) error
	DeleteKV(key string) error
	// keys returns keys with a prefix, in their order, above after, at most limit.
	keys(prefix, after string, limit int) ([]string, error)
}

// mergeBases remembers versions of the files that are to be merged.
type mergeBases struct {
	mu     sync.Mutex
	store  keyValues
	wanted func(folder, path string) bool // by the ID of the folder; nil for none
	sweep  baseSweep
	// entering is held, by any number, from before entries of this device are noted
	// until they are in the index. A sweep goes by the index: without that it would
	// forget the first version of a new file.
	entering sync.RWMutex
}

// enter notes entries that are about to be written into the index of a device; done is
// called when they are.
func (b *mergeBases) enter(self protocol.ShortID, folder string, device protocol.DeviceID, files []protocol.FileInfo) (done func()) {
	done = func() {}
	if device == protocol.LocalDeviceID {
		b.entering.RLock()
		done = b.entering.RUnlock
	}
	b.note(self, folder, device, files)
	return done
}

// note takes entries that are about to be written into the index of a device.
func (b *mergeBases) note(self protocol.ShortID, folder string, device protocol.DeviceID, files []protocol.FileInfo) {
	if b.wanted == nil {
		return
	}
	for _, f := range files {
		if !isFile(f) || len(f.Version.Counters) > maxVector || !b.wanted(folder, filepath.ToSlash(f.Name)) {
			continue
		}
		if err := b.see(folder, f, device == protocol.LocalDeviceID, self); err != nil {
			slog.Warn("A conflict may stay that could be merged", "error", err)
		}
	}
}

// see remembers a version of this device, that another one has the same, and which one
// another has of a file that is or was here.
func (b *mergeBases) see(folder string, f protocol.FileInfo, local bool, self protocol.ShortID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen, err := b.read(folder, f.Name)
	if err != nil {
		return err
	}
	v := seenVersion{Vector: vectorOf(f.Version), Size: f.Size, Block: f.BlockSize(), Hash: hashOf(f), Shared: f.ModifiedBy != self}
	at := slices.IndexFunc(seen, func(s seenVersion) bool { return sameVector(s.Vector, v.Vector) })
	switch {
	case !local && at < 0:
		if len(seen) == 0 || !plausible(v) {
			return nil // no version was ever here, so that there is nothing to merge
		}
		v.Shared, v.Foreign = true, true
	case !local:
		v.Shared, v.Foreign = true, seen[at].Foreign
	case at >= 0:
		v.Shared = v.Shared || seen[at].Shared
	}
	if at >= 0 {
		if seen[at].Shared == v.Shared && seen[at].Foreign == v.Foreign && bytes.Equal(seen[at].Hash, v.Hash) {
			return nil
		}
		if !local {
			v.Size, v.Block, v.Hash = seen[at].Size, seen[at].Block, seen[at].Hash
		}
		seen = slices.Delete(seen, at, at+1)
	}
	data, err := json.Marshal(latest(append(seen, v)))
	if err != nil {
		return err
	}
	return b.store.PutKV(baseKey(folder, f.Name), data)
}

// plausible reports whether a version that a peer tells of can be one.
func plausible(v seenVersion) bool {
	return v.Size >= 0 && slices.Contains(protocol.BlockSizes, v.Block) && len(v.Hash) == sha256.Size
}

// latest leaves out the oldest of each kind that are too many.
func latest(seen []seenVersion) []seenVersion {
	shared, unshared, foreign := 0, 0, 0
	for i := len(seen) - 1; i >= 0; i-- {
		n, limit := &unshared, maxUnshared
		switch {
		case seen[i].Foreign:
			n, limit = &foreign, maxForeign
		case seen[i].Shared:
			n, limit = &shared, maxShared
		}
		if *n++; *n > limit {
			seen = slices.Delete(seen, i, i+1)
		}
	}
	return seen
}

func (b *mergeBases) read(folder, name string) ([]seenVersion, error) {
	data, err := b.store.GetKV(baseKey(folder, name))
	if err != nil || len(data) == 0 {
		return nil, nil // nothing is remembered
	}
	var seen []seenVersion
	if err := json.Unmarshal(data, &seen); err != nil {
		return nil, fmt.Errorf("reading versions of %s: %w", name, err)
	}
	return seen, nil
}

// basePrefix begins the keys under which versions are remembered.
const basePrefix = "botsync/merge/1/"

func baseKey(folder, name string) string {
	return basePrefix + folder + "/" + filepath.ToSlash(name)
}

func hashOf(f protocol.FileInfo) []byte {
	if len(f.BlocksHash) > 0 {
		return f.BlocksHash
	}
	return protocol.BlocksHash(f.Blocks)
}

func vectorOf(v protocol.Vector) map[protocol.ShortID]uint64 {
	out := make(map[protocol.ShortID]uint64, len(v.Counters))
	for _, c := range v.Counters {
		if c.Value > 0 {
			out[c.ID] = c.Value
		}
	}
	return out
}

func sameVector(a, b map[protocol.ShortID]uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for id, n := range a {
		if b[id] != n {
			return false
		}
	}
	return true
}
