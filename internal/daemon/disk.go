package daemon

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
)

const makeRoom = "Make room; botsync goes on by itself."

// onDisk is a directory of the root, or the root, and whether there is no room for
// something in it.
type onDisk struct {
	dir   string
	lacks bool
}

// diskProblems say that receiving stops before a disk is full, or has stopped: of the
// root's disk, and of each other one that a folder is on.
func diskProblems(dirs []onDisk) []api.Problem {
	var out []api.Problem
	for _, disk := range disksOf(dirs, deviceOf) {
		if room, err := engine.DiskRoomOf(disk.dir); err == nil {
			out = append(out, diskProblem(disk.dir, room, disk.lacks)...)
		}
	}
	return out
}

// disksOf are the disks that the directories are on, each named by the first. One of
// which nothing is known, such as a folder that is missing, counts to the first.
func disksOf(dirs []onDisk, device func(dir string) (string, error)) []onDisk {
	var out []onDisk
	seen := map[string]int{}
	for _, d := range dirs {
		id, err := device(d.dir)
		n, ok := seen[id]
		switch {
		case err != nil && len(out) > 0:
			n = 0
		case !ok:
			n, out = len(out), append(out, onDisk{dir: d.dir})
			seen[id] = n
		}
		out[n].lacks = out[n].lacks || d.lacks
	}
	return out
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
