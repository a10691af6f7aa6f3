package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"
)

// MergeBase is what two versions of a file have in common for certain: the file as
// it was before they parted.
type MergeBase struct {
	Size  int64 // bytes
	block int
	hash  []byte
}

// MergeBase returns what the version with the name of a file and that in one of its
// conflict copies come from; false if that is not known for certain.
func (e *Engine) MergeBase(ctx context.Context, folder, file, copied string) (MergeBase, bool, error) {
	wrap := func(err error) error { return fmt.Errorf("looking up what %s was: %w", file, err) }
	current, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, filepath.FromSlash(file))
	if err != nil || !ok || !isFile(current) {
		return MergeBase{}, false, err
	}
	lost, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, filepath.FromSlash(copied))
	if err != nil || !ok || !isFile(lost) {
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

// isFile reports whether an entry is of a regular file that is there.
func isFile(f protocol.FileInfo) bool {
	return f.Type == protocol.FileInfoTypeFile && !f.IsDeleted() && !f.IsInvalid()
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
			return MergeBase{}, true // both have made the file
		}
		for _, s := range slices.Backward(seen) {
			if sameVector(s.Vector, wanted) && !s.Foreign {
				return MergeBase{s.Size, s.Block, s.Hash}, true
			}
		}
	}
	return MergeBase{}, false
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
