package notify

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Limits of what is kept of a batch; all else is only counted.
const (
	maxListed  = 1000    // files
	maxDevices = 100     //
	maxCopies  = 20      // conflict copies
	maxHolds   = 20      // of folders
	maxCounted = 100_000 // files that are counted once however often they change
)

// digest is an open batch. What it takes is bounded, however many events it
// tells of.
type digest struct {
	first, last time.Time // when the changes came
	firstEvent  int64
	lastEvent   int64

	files   []api.NotifyFile
	devices []api.NotifyDevice
	copies  []api.NotifyConflict
	holds   []api.NotifyHold
	held    int // holds, listed or not
	joined  int // devices, listed or not
	by      *api.Device
	several bool     // changes are not all by by
	folders []string // in which there are changes
	cursor  int64    // ID of the event before the first file that is not listed
	totals  api.NotifyTotals
	seen    map[uint64]fileState
	seed    maphash.Seed
}

// fileState is what is remembered of a file, to count it once.
type fileState struct {
	listed int32 // index in files, or -1
	action action
	size   int64
}

type action uint8

const (
	isNew action = iota + 1
	isChanged
	isDeleted
)

func actionOf(s string) action {
	switch s {
	case api.ActionNew:
		return isNew
	case api.ActionDeleted:
		return isDeleted
	}
	return isChanged
}

func (a action) String() string {
	return [...]string{isNew: api.ActionNew, isChanged: api.ActionChanged, isDeleted: api.ActionDeleted}[a]
}

func newDigest() *digest {
	return &digest{seen: map[uint64]fileState{}, seed: maphash.MakeSeed()}
}

func (d *digest) empty() bool { return d.firstEvent == 0 }

// size is how many changes a person would count.
func (d *digest) size() int { return d.totals.Files + d.joined + d.totals.Conflicts + d.held }

// add takes an event that matches, which came at the given time.
func (d *digest) add(e api.Event, at time.Time) {
	if d.empty() {
		d.first, d.firstEvent = at, e.ID
	}
	d.last, d.lastEvent = at, e.ID
	if e.Type == api.EventPeerAdded {
		d.joined++
		if len(d.devices) < maxDevices {
			d.devices = append(d.devices, api.NotifyDevice{Device: *e.Device, Time: e.Time, Event: e.ID})
		}
		return
	}
	if e.IsBrake() {
		d.held++
		if len(d.holds) < maxHolds {
			d.holds = append(d.holds, holdOf(e))
		}
		return
	}
	if e.Type == api.EventConflict {
		d.totals.Conflicts++
		if len(d.copies) < maxCopies {
			d.copies = append(d.copies, api.NotifyConflict{Folder: e.Folder, Path: e.Path, Size: e.Size, By: e.Device, Time: e.Time, Event: e.ID})
		}
		return
	}
	if by := e.Device; d.by != nil && (by == nil || by.ID != d.by.ID) || by == nil {
		d.several = true
	} else {
		d.by = by
	}
	if !slices.Contains(d.folders, e.Folder) {
		d.folders = append(d.folders, e.Folder)
	}
	key := maphash.Comparable(d.seed, [2]string{e.Folder, e.Path})
	was, known := d.seen[key]
	if !known {
		was.listed = -1
	}
	now := fileState{listed: was.listed, action: was.action.then(actionOf(e.Action)), size: e.Size}
	if now.action == isDeleted {
		now.size = 0
	}
	d.count(was, -1)
	d.count(now, 1)
	file := api.NotifyFile{Folder: e.Folder, Path: e.Path, Action: now.action.String(), Kind: e.Kind,
		Size: now.size, By: e.Device, Time: e.Time, Event: e.ID}
	switch {
	case known && was.listed >= 0:
		d.files[was.listed] = file
	case !known && len(d.files) < maxListed:
		now.listed = int32(len(d.files))
		d.files = append(d.files, file)
	case d.cursor == 0:
		d.cursor = e.ID - 1
	}
	if known || len(d.seen) < maxCounted {
		d.seen[key] = now
	}
}

// then is what two changes of one file come to.
func (a action) then(b action) action {
	switch {
	case a == 0 || b == isDeleted:
		return b
	case a == isNew:
		return isNew
	}
	return isChanged // one that was deleted and is back has changed
}

func (d *digest) count(s fileState, by int) {
	switch s.action {
	case 0:
		return
	case isNew:
		d.totals.New += by
	case isChanged:
		d.totals.Changed += by
	case isDeleted:
		d.totals.Deleted += by
	}
	d.totals.Files += by
	d.totals.Bytes += int64(by) * s.size
}

// due is when the batch is to leave.
func (d *digest) due(debounce, maxWait time.Duration) time.Time {
	if d.joined > 0 || d.held > 0 {
		return d.first
	}
	quiet, latest := d.last.Add(debounce), d.first.Add(maxWait)
	if latest.Before(quiet) {
		return latest
	}
	return quiet
}
