package engine

import (
	"encoding/binary"
	"testing"

	"github.com/syncthing/syncthing/lib/protocol"
)

// Whatever a peer announces: what is let in has the blocks of a file of its size, and
// nothing that Syncthing reckons with is negative or overflows.
func FuzzCheckEntry(f *testing.F) {
	block := func(offset int64, size int32) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(nil, uint64(offset)), uint32(size))
	}
	f.Add("file", 0, int64(4096), int64(1), 5, 0, uint64(1), block(0, 4096))
	f.Add("", 4, int64(-1), int64(-1), -1, -1, uint64(1<<63), block(0, -4096))
	f.Add("two", 0, int64(protocol.MinBlockSize+1), int64(0), 0, protocol.MinBlockSize, uint64(0), append(block(0, protocol.MinBlockSize), block(protocol.MinBlockSize, 1)...))
	f.Fuzz(func(t *testing.T, name string, typ int, size, seconds int64, nanos, raw int, counter uint64, blocks []byte) {
		entry := protocol.FileInfo{Name: name, Type: protocol.FileInfoType(typ), Size: size, ModifiedS: seconds, ModifiedNs: int32(nanos), RawBlockSize: int32(raw),
			Version: protocol.Vector{Counters: []protocol.Counter{{ID: 1, Value: counter}}}}
		for ; len(blocks) >= 12; blocks = blocks[12:] {
			entry.Blocks = append(entry.Blocks, protocol.BlockInfo{
				Offset: int64(binary.LittleEndian.Uint64(blocks)), Size: int(int32(binary.LittleEndian.Uint32(blocks[8:]))), Hash: make([]byte, 32)})
		}
		if checkEntry(&entry) != nil {
			return
		}
		var end int64
		for i, b := range entry.Blocks {
			if b.Offset != end || b.Size < 0 || b.Size > protocol.MaxBlockSize || i < len(entry.Blocks)-1 && b.Size < protocol.MinBlockSize {
				t.Fatalf("block %d of %+v", i, entry)
			}
			end += int64(b.Size)
		}
		if size < 0 || len(entry.Blocks) > 0 && end != size || entry.ModifiedNs < 0 || entry.ModifiedNs >= nanoseconds || entry.RawBlockSize < 0 || entry.RawBlockSize > protocol.MaxBlockSize || counter > maxCounter {
			t.Fatalf("%+v was let in", entry)
		}
		// What Syncthing does with it.
		_ = entry.BlockSize()
		_ = entry.ModTime()
		_ = entry.Version.Copy().Update(2)
		_ = entry.IsEquivalentOptional(entry, protocol.FileInfoComparison{})
	})
}
