package daemon

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
)

const makeRoom = "Make room; botsync goes on by itself."

// diskProblems say that receiving stops before the disk is full, or has stopped.
func (d *daemon) diskProblems(folders []api.Folder) []api.Problem {
	room, err := engine.DiskRoomOf(d.root.Dir())
	if err != nil {
		return nil
	}
	return diskProblem(d.root.Dir(), room, lacksRoom(folders))
}

// diskProblem is the pure core of diskProblems. A file can be too large for the
// room that there is, which is then enough for others.
func diskProblem(dir string, room engine.DiskRoom, lacks bool) []api.Problem {
	p := api.Problem{Code: "disk_full", Hint: makeRoom}
	free, least := humanize.IBytes(room.Free), humanize.IBytes(room.Reserve())
	switch {
	case room.Free < room.HomeReserve():
		p.Message = fmt.Sprintf("The disk of %s is full (%s free): nothing can be received.", dir, free)
	case room.Free < room.Reserve():
		p.Message = fmt.Sprintf("The disk of %s is nearly full (%s free): no files are received until %s are.", dir, free, least)
	case lacks:
		p.Message = fmt.Sprintf("The disk of %s has no room for some files (%s free, of which %s stay so): the others are received.", dir, free, least)
	default:
		return nil
	}
	return []api.Problem{p}
}
