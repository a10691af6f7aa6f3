package engine

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/syncthing/syncthing/lib/protocol"
)

// Limits of what a peer can announce. What Syncthing itself makes stays far below.
const (
	maxAnnouncedName = 100_000 // bytes; Windows has paths of 32,767 UTF-16 units
	maxCounters      = 10_000  // of a version: devices that ever changed a file
	maxCounter       = 1 << 60 // they begin at Unix seconds
	maxTarget        = 100_000 // bytes of a symbolic link
	maxBlocks        = 1 << 24 // Syncthing aims at 2000
	maxAnnouncedSize = 1 << 60 // bytes
	nanoseconds      = 1_000_000_000
)

// checkEntries ends a connection, by its error, to a peer that announces what no
// Syncthing does. Syncthing looks at names and little else; a block with a negative
// size, once in the index, ends the process at each start.
func checkEntries(conn protocol.Connection, folder string, files []protocol.FileInfo) error {
	for i := range files {
		if err := checkEntry(&files[i]); err != nil {
			name := files[i].Name[:min(len(files[i].Name), 200)]
			slog.Warn("A peer announces what cannot be", "device", conn.DeviceID().String(), "folder.id", folder, "path", name, "error", err)
			return fmt.Errorf("announcing %q in %s: %w", name, folder, err)
		}
	}
	return nil
}

var (
	errEntryName    = errors.New("the name is too long")
	errEntryType    = errors.New("there is no such type")
	errEntrySize    = errors.New("there is no such size")
	errEntryTime    = errors.New("there is no such time")
	errEntryVersion = errors.New("there is no such version")
	errEntryTarget  = errors.New("the target of the link is too long")
	errEntryBlocks  = errors.New("the blocks are not those of a file of this size")
)

// checkEntry says what is wrong with an entry, beside its name, which Syncthing
// checks.
func checkEntry(f *protocol.FileInfo) error {
	switch {
	case len(f.Name) > maxAnnouncedName:
		return errEntryName
	case f.Type < protocol.FileInfoTypeFile || f.Type > protocol.FileInfoTypeSymlink:
		return errEntryType
	case f.Size < 0 || f.Size > maxAnnouncedSize:
		return errEntrySize
	case f.ModifiedNs < 0 || f.ModifiedNs >= nanoseconds:
		return errEntryTime
	case len(f.SymlinkTarget) > maxTarget:
		return errEntryTarget
	case f.RawBlockSize < 0 || f.RawBlockSize > protocol.MaxBlockSize || len(f.Blocks) > maxBlocks:
		return errEntryBlocks
	case len(f.Version.Counters) > maxCounters:
		return errEntryVersion
	}
	for _, c := range f.Version.Counters {
		if c.Value > maxCounter {
			return errEntryVersion
		}
	}
	return checkBlocks(f)
}

// checkBlocks: one block follows the other, and together they are the file.
func checkBlocks(f *protocol.FileInfo) error {
	var end int64
	for i, b := range f.Blocks {
		if i < len(f.Blocks)-1 && b.Size < protocol.MinBlockSize {
			return errEntryBlocks // each would take a goroutine
		}
		if b.Size < 0 || b.Size > protocol.MaxBlockSize || b.Offset != end {
			return errEntryBlocks
		}
		end += int64(b.Size)
	}
	if len(f.Blocks) > 0 && end != f.Size {
		return errEntryBlocks
	}
	return nil
}
