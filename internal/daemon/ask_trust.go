package daemon

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
	"github.com/botsync/botsync/internal/network"
)

// keptFrom says why nothing may be put at a path of a folder for which there is a
// version: sync does not write there either. Nil if there is no reason.
func (d *daemon) keptFrom(folder, p string) error {
	if engine.NeverSynced(p) {
		return errors.New("files of that name are not synced")
	}
	m, _, _ := d.members.current()
	if why, out := d.keptOut(folderID(m.Network, folder), folder, p); out {
		return fmt.Errorf("what is restored there does not travel: %s", why)
	}
	return nil
}

// heard are the versions of an answer that can be made use of: another device says
// what it likes.
func (d *daemon) heard(s scope, r history.Reply, now time.Time) ([]history.Version, error) {
	shift := history.ClockShift(r.Now, now)
	var out []history.Version
	for _, t := range r.Versions {
		v := t.Version()
		if !slices.Contains(s.folders, v.Folder) {
			return nil, errors.New("it is about another folder")
		}
		if v.Time = v.Time.Add(shift); v.Time.After(now) {
			v.Time = now // or it would be the last for as long as it likes
		}
		if d.keptFrom(v.Folder, v.Path) == nil {
			out = append(out, v)
		}
	}
	return out, nil
}

// deleted are the last versions of what is deleted and not there, but for the conflict
// copies that were resolved.
func (d *daemon) deleted(versions []history.Held) []history.Held {
	by := func(folder, p string) string { return d.stateOf(folder, p).By }
	name := func(short string) string {
		if device := d.whoIs(short); device != nil {
			return device.Name
		}
		return ""
	}
	return unresolved(history.Deleted(ownDeletions(versions, d.members.self, by), d.isThere), versions, d.stateOf, name)
}

// ownDeletions leaves out what others tell of a file after it was deleted here: if
// this device has kept what the deletion took away, that is the last version, and
// nobody can put another one into its place. by is the short ID of who has deleted a
// file, as the index knows it. The versions have to be by time.
func ownDeletions(versions []history.Held, self string, by func(folder, path string) string) []history.Held {
	own := map[string]history.Held{}
	for _, v := range versions {
		if slices.Contains(v.Holders, self) {
			own[v.Folder+"/"+v.Path] = v
		}
	}
	for name, v := range own {
		if !v.Deleted || v.By != by(v.Folder, v.Path) {
			delete(own, name)
		}
	}
	return slices.DeleteFunc(slices.Clone(versions), func(v history.Held) bool {
		last, ok := own[v.Folder+"/"+v.Path]
		return ok && !slices.Contains(v.Holders, self) && !v.Time.Before(last.Time)
	})
}

// wroteMessage reports whether a message in the directory of a device is by that
// device: every member can put files there.
func (d *daemon) wroteMessage(device, name string) bool {
	m, _, _ := d.members.current()
	f, there, err := d.engine.File(recordsFolderID(m.Network), network.MessagePath(device, name))
	return err == nil && there != engine.Unknown && f.ModifiedBy == engine.ShortID(device)
}
