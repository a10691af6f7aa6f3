package engine

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Of two versions of a file Syncthing takes the one that was made from the other; of two
// that were made apart, the one with the later time (fileRow.Compare in its internal/db).
// Three versions can then be in a circle: the first was made from the second and has the
// older time, as a file that was moved there has, and the third was made apart, at a time
// between. Each beats one of the others. Which comes out depends on the order in which
// they came, and devices can differ about it for good: each waits for the others to take
// what it has. A version that beats all of them ends that.

const (
	circleInterval = 5 * time.Second
	// circleQuiet is how long nothing has to change before a folder is looked at: what is
	// on its way is no circle, and to find what a device lacks takes a look at all entries.
	circleQuiet = 20 * time.Second
	// circlePause is how long it takes until a folder is looked at again of which somebody
	// lacks something: who was to end a circle may have gone, or only receive.
	circlePause = time.Minute
	// maxCircleLooks is how many names that a device lacks are looked at a time.
	maxCircleLooks = 200
)

// heldVersion is an entry and who has it.
type heldVersion struct {
	file    protocol.FileInfo
	holders []protocol.DeviceID
}

// beats reports whether Syncthing prefers a version to another one. Both are valid.
func beats(a, b protocol.FileInfo) bool {
	switch a.Version.Compare(b.Version) {
	case protocol.Greater:
		return true
	case protocol.Equal, protocol.Lesser:
		return false
	default:
		return a.WinsConflict(b)
	}
}

// inCircle returns which of the versions of a file all devices are to have if none of them
// beats all others, and the time that beats them all. It is one of those from which no
// other was made, the same on all devices that know of these versions.
func inCircle(versions []heldVersion) (winner heldVersion, at time.Time, circle bool) {
	var made []heldVersion // that no other was made from
	for n, v := range versions {
		others := slices.Concat(versions[:n], versions[n+1:])
		if !slices.ContainsFunc(others, func(o heldVersion) bool { return !beats(v.file, o.file) }) {
			return heldVersion{}, time.Time{}, false
		}
		if !slices.ContainsFunc(others, func(o heldVersion) bool { return o.file.Version.Compare(v.file.Version) == protocol.Greater }) {
			made = append(made, v)
		}
		at = later(at, v.file.ModTime())
	}
	if len(made) == 0 {
		return heldVersion{}, time.Time{}, false
	}
	winner = slices.MinFunc(made, func(a, b heldVersion) int {
		if a.file.IsDeleted() != b.file.IsDeleted() {
			if a.file.IsDeleted() {
				return 1 // what is there can still be deleted
			}
			return -1
		}
		return cmp.Or(b.file.ModTime().Compare(a.file.ModTime()), cmp.Compare(a.file.Version.String(), b.file.Version.String()))
	})
	// Later also where a file system has times of two seconds.
	return winner, at.Add(2 * time.Second).Truncate(2 * time.Second), true
}

// circles ends circles as one device.
type circles struct {
	self      protocol.DeviceID
	index     circleIndex
	connected func(protocol.DeviceID) bool
	// newest makes a new version of what this device has, at a time.
	newest func(cfg config.FolderConfiguration, file protocol.FileInfo, at time.Time) error
}

type circleIndex interface {
	GetDeviceFile(folder string, device protocol.DeviceID, file string) (protocol.FileInfo, bool, error)
	AllNeededGlobalFiles(folder string, device protocol.DeviceID, order config.PullOrder, limit, offset int) (iter.Seq[protocol.FileInfo], func() error)
}

// end ends the circles among what this device and those that it is connected to lack, and
// reports whether they lack anything. Looks is how often it did so before, in vain.
func (c circles) end(cfg config.FolderConfiguration, looks int) (lacking bool) {
	seen := map[string]bool{}
	for _, device := range cfg.DeviceIDs() {
		if device != c.self && !c.connected(device) {
			continue
		}
		files, failed := c.index.AllNeededGlobalFiles(cfg.ID, c.inIndex(device), config.PullOrderAlphabetic, maxCircleLooks, 0)
		for f := range files {
			seen[f.Name] = true
		}
		if failed() != nil {
			return true // the next look says why
		}
	}
	for name := range seen {
		winner, at, circle := inCircle(c.versions(cfg, name))
		if !circle || !c.endsIt(winner, looks) {
			continue
		}
		slog.Info("Devices cannot agree on a version, one is made the newest", "folder.id", cfg.ID, "path", name)
		if err := c.newest(cfg, winner.file, at); err != nil {
			slog.Warn("Devices cannot agree on a version", "folder.id", cfg.ID, "path", name, "error", err)
		}
	}
	return len(seen) > 0
}

func (c circles) inIndex(device protocol.DeviceID) protocol.DeviceID {
	if device == c.self {
		return protocol.LocalDeviceID
	}
	return device
}

// versions returns the valid versions of a file that any device has.
func (c circles) versions(cfg config.FolderConfiguration, name string) []heldVersion {
	var out []heldVersion
	for _, device := range cfg.DeviceIDs() {
		file, ok, err := c.index.GetDeviceFile(cfg.ID, c.inIndex(device), name)
		if err != nil || !ok || file.IsInvalid() {
			continue
		}
		if n := slices.IndexFunc(out, func(v heldVersion) bool { return v.file.Version.Equal(file.Version) }); n >= 0 {
			out[n].holders = append(out[n].holders, device)
		} else {
			out = append(out, heldVersion{file, []protocol.DeviceID{device}})
		}
	}
	return out
}

// endsIt reports whether this device is one of those that have a version, and are there,
// that make it the newest: the first of them and, with each look in vain, one more, since
// not all can. That two do is no harm: they make the same.
func (c circles) endsIt(v heldVersion, looks int) bool {
	there := slices.DeleteFunc(slices.Clone(v.holders), func(d protocol.DeviceID) bool { return d != c.self && !c.connected(d) })
	slices.SortFunc(there, protocol.DeviceID.Compare)
	return slices.Contains(there[:min(len(there), looks+1)], c.self)
}

// circleLook is what is known of a folder from the last time.
type circleLook struct {
	at     int64     // the point of the indexes, see slipsAt
	looks  int       // since it has been this one
	looked time.Time // last
	next   time.Time // when to look, zero for not before that changes
}

// due returns what is known of a folder when its indexes are at a point, and reports
// whether it is to be looked at.
func (l circleLook) due(at int64, now time.Time) (circleLook, bool) {
	if l.at != at {
		return circleLook{at: at, looked: l.looked, next: later(now.Add(circleQuiet), l.looked.Add(circlePause))}, false
	}
	return l, !l.next.IsZero() && !now.Before(l.next)
}

// done returns what is known of a folder that was looked at: whether anything is lacking.
func (l circleLook) done(lacking bool, now time.Time) circleLook {
	l.looks, l.looked, l.next = l.looks+1, now, time.Time{}
	if lacking {
		l.next = now.Add(circlePause)
	}
	return l
}

// tendCircles ends circles until ctx ends.
func (e *Engine) tendCircles(ctx context.Context) {
	c := circles{e.id, e.db, e.model.ConnectedTo, e.makeNewest}
	looks := map[string]circleLook{}
	for range every(ctx, circleInterval, nil) {
		for id, cfg := range e.cfg.Folders() {
			at, err := e.slipsAt(id)
			if err != nil || cfg.Paused || cfg.Type != config.FolderTypeSendReceive {
				continue
			}
			now := time.Now()
			look, due := looks[id].due(at, now)
			if due {
				look = look.done(c.end(cfg, look.looks), now)
			}
			looks[id] = look
		}
	}
}

func (e *Engine) makeNewest(cfg config.FolderConfiguration, file protocol.FileInfo, at time.Time) error {
	if file.IsDeleted() || file.Type != protocol.FileInfoTypeFile {
		return e.db.enter(cfg.ID, []protocol.FileInfo{newestEntry(file, e.id.Short(), at)})
	}
	fsys := cfg.Filesystem()
	if err := osutil.TraversesSymlink(fsys, filepath.Dir(file.Name)); err != nil {
		return fmt.Errorf("looking at what is above it: %w", err)
	}
	if info, err := fsys.Lstat(file.Name); err != nil || !info.IsRegular() {
		return err // of late
	}
	if err := fsys.Chtimes(file.Name, at, at); err != nil {
		return fmt.Errorf("giving it a later time: %w", err)
	}
	return e.scan(cfg.ID, []string{filepath.Clean(file.Name)})
}

// newestEntry returns the entry of a new version of something of which no scan compares
// the time.
func newestEntry(file protocol.FileInfo, by protocol.ShortID, at time.Time) protocol.FileInfo {
	file.Version, file.ModifiedBy = file.Version.Copy().Update(by), by
	file.ModifiedS, file.ModifiedNs, file.Sequence = at.Unix(), int32(at.Nanosecond()), 0
	return file
}
