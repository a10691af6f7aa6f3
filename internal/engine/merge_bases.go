package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"

	"github.com/botsync/botsync/internal/watch"
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
}

// note takes entries that are about to be written into the index of a device.
func (b *mergeBases) note(self protocol.ShortID, folder string, device protocol.DeviceID, files []protocol.FileInfo) {
	if b.wanted == nil {
		return
	}
	for _, f := range files {
		if f.Type != protocol.FileInfoTypeFile || f.IsDeleted() || f.IsInvalid() || len(f.Version.Counters) > maxVector ||
			!b.wanted(folder, filepath.ToSlash(f.Name)) {
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

// common is the version that two others have both seen, of all such the last.
func common(a, b map[protocol.ShortID]uint64) map[protocol.ShortID]uint64 {
	out := map[protocol.ShortID]uint64{}
	for id, n := range a {
		if m := min(n, b[id]); m > 0 {
			out[id] = m
		}
	}
	return out
}

// MergeBase is what two versions of a file have in common for certain: the file as
// it was before they parted.
type MergeBase struct {
	Size  int64 // bytes
	Own   bool  // the version that has lost was once in place on this device
	block int
	hash  []byte
}

// MergeBase returns what the version with the name of a file and that in one of its
// conflict copies come from; false if that is not known for certain.
func (e *Engine) MergeBase(ctx context.Context, folder, file, copied string) (MergeBase, bool, error) {
	wrap := func(err error) error { return fmt.Errorf("looking up what %s was: %w", file, err) }
	current, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, filepath.FromSlash(file))
	if err != nil || !ok || current.IsDeleted() || current.IsInvalid() {
		return MergeBase{}, false, err
	}
	lost, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, filepath.FromSlash(copied))
	if err != nil || !ok || lost.IsDeleted() || lost.IsInvalid() {
		return MergeBase{}, false, err
	}
	e.bases.mu.Lock()
	seen, err := e.bases.read(folder, filepath.FromSlash(file))
	e.bases.mu.Unlock()
	if err != nil {
		return MergeBase{}, false, wrap(err)
	}
	// A file that has grown keeps the size of its blocks for a while, a new one of
	// the same size has larger ones.
	hashes := map[int][]byte{lost.BlockSize(): hashOf(lost)}
	for _, s := range seen {
		if s.Size != lost.Size || hashes[s.Block] != nil {
			continue
		}
		if hashes[s.Block], err = e.hashWith(ctx, folder, lost.Name, lost.Size, s.Block); err != nil {
			return MergeBase{}, false, wrap(err)
		}
	}
	base, ok := baseOf(seen, vectorOf(current.Version), lost.Size, hashes)
	return base, ok, nil
}

// hashWith hashes a file in blocks of a size.
func (e *Engine) hashWith(ctx context.Context, folder, name string, size int64, block int) ([]byte, error) {
	cfg, ok := e.cfg.Folder(folder)
	if !ok || block < protocol.MinBlockSize || block > protocol.MaxBlockSize {
		return nil, fmt.Errorf("no folder %s, or no blocks of %d bytes", folder, block)
	}
	f, err := cfg.Filesystem().Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	blocks, err := scanner.Blocks(ctx, f, block, size, nil)
	return protocol.BlocksHash(blocks), err
}

// baseOf returns what a version comes from together with one that is known by what
// is in it: its size, and its hashes by the size of the blocks.
func baseOf(seen []seenVersion, current map[protocol.ShortID]uint64, lostSize int64, lostHashes map[int][]byte) (MergeBase, bool) {
	for _, lost := range slices.Backward(seen) {
		if lost.Size != lostSize || !bytes.Equal(lost.Hash, lostHashes[lost.Block]) {
			continue
		}
		wanted := common(current, lost.Vector)
		if len(wanted) == 0 {
			return MergeBase{Own: !lost.Foreign}, true // both have made the file
		}
		for _, s := range slices.Backward(seen) {
			if sameVector(s.Vector, wanted) && !s.Foreign {
				return MergeBase{s.Size, !lost.Foreign, s.Block, s.Hash}, true
			}
		}
	}
	return MergeBase{}, false
}

// Begins reports whether a file begins with all that was there before.
func (b MergeBase) Begins(ctx context.Context, r io.ReaderAt) (bool, error) {
	if b.Size == 0 {
		return true, nil
	}
	blocks, err := scanner.Blocks(ctx, io.NewSectionReader(r, 0, b.Size), b.block, b.Size, nil)
	if err != nil {
		return false, err
	}
	return bytes.Equal(protocol.BlocksHash(blocks), b.hash), nil
}

// Finished reports whether no program is known to have a file of a folder open for
// writing, a log for one, or to be making it.
func (e *Engine) Finished(folder, name string) bool {
	cfg, ok := e.cfg.Folder(folder)
	if !ok {
		return false
	}
	fsys, local := cfg.Filesystem(), filepath.FromSlash(name)
	info, err := fsys.Lstat(local)
	if err != nil || !finished(filepath.Clean(cfg.Path), local, info.ModTime()) {
		return false
	}
	open, _ := OpenForWriting(filepath.Join(cfg.Path, local))
	return !open
}

// OpenForWriting reports whether somebody has a file, given by its absolute path,
// open for writing, as far as that can be known.
func OpenForWriting(file string) (open, known bool) { return watch.OpenForWriting(file) }
