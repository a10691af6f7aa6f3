package engine

import (
	"math"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
)

// DiskRoom is the room on a disk, in bytes.
type DiskRoom struct {
	Free, Total uint64
}

// DiskRoomOf is the room on the disk that holds dir.
func DiskRoomOf(dir string) (DiskRoom, error) {
	usage, err := fs.NewFilesystem(fs.FilesystemTypeBasic, dir).Usage(".")
	return DiskRoom{usage.Free, usage.Total}, err
}

const (
	mebi = 1 << 20
	// maxReserve is enough for other programs to go on, and for somebody to see it,
	// on a disk of any size: one per cent of a large one would be a waste.
	maxReserve = 1 << 10 * mebi
	minReserve = 8 * mebi
)

// Reserve is how much room receiving leaves on a disk of this size: one fiftieth,
// at least 8 MiB and at most 1 GiB, but never more than a tenth.
func (r DiskRoom) Reserve() uint64 {
	return min(max(r.Total/50, minReserve), maxReserve, r.Total/10)
}

// HomeReserve is how much room the engine needs for its own files: with less, not
// even what peers have is taken note of. It is below [DiskRoom.Reserve], so that files
// stop coming first.
func (r DiskRoom) HomeReserve() uint64 { return min(r.Reserve()/2, minReserve) }

// minFree is a number of bytes as Syncthing's configuration has it. Without a
// number that is known it is Syncthing's own: one per cent.
func minFree(bytes uint64, err error) config.Size {
	if err != nil || bytes == 0 || bytes > math.MaxInt64 {
		return config.Size{Value: 1, Unit: "%"}
	}
	return config.Size{Value: float64(bytes), Unit: ""}
}
