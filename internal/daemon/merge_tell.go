package daemon

import (
	"context"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/conflict"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

// Of a conflict that is merged nobody need hear. So nothing is told of a conflict copy
// that may be merged until it is clear that it stays. Which ones these are is in
// state.db: a kill makes no difference.

const (
	// undecidedFor is how long a conflict may wait to be merged, for a program to
	// close the file for one, before it is told of: it has stayed by then.
	undecidedFor = time.Hour
	// undecidedPage bounds how many are looked at in one go.
	undecidedPage = 10_000
)

// newCopy is the event about a new file that has the name of a conflict copy, or the
// entry that says to tell of it later.
func (d *daemon) newCopy(c engine.Change, id, folder string, now time.Time) (tell []api.Event, later []state.Undecided, err error) {
	file, known, err := d.engine.Local(id, c.Path)
	if err != nil || !known || file.Deleted {
		return nil, nil, err // where it has gone meanwhile there is a later entry
	}
	e, ok := d.conflictEvent(file, folder, now)
	if !ok {
		return nil, nil, nil
	}
	of, err := d.engine.OriginalOf(id, c.Path)
	if err != nil {
		return nil, nil, err
	}
	if d.merges(folder, of) {
		return nil, []state.Undecided{{Folder: id, Path: c.Path, Since: now}}, nil
	}
	return []api.Event{e}, nil, nil
}

// conflictEvent tells of a conflict copy; false if it is a file that is only called so.
func (d *daemon) conflictEvent(file engine.File, folder string, now time.Time) (api.Event, bool) {
	n, ok := conflict.Parse(file.Path)
	if !ok || file.Symlink || file.Directory || d.wrote(n.Device) == nil {
		return api.Event{}, false
	}
	by := d.wrote(madeBy(n, file))
	if by == nil {
		by = d.wrote(n.Device)
	}
	return api.Event{Time: now, Type: api.EventConflict, Folder: folder, Path: file.Path, Kind: api.KindFile, Size: file.Size, Device: by}, true
}

// mergeAndTell merges what can be merged, tells of what cannot, and reports whether
// there is more to do later.
func (d *daemon) mergeAndTell(ctx context.Context) (more bool, err error) {
	// In this order: of what comes meanwhile nothing is decided.
	undecided, err := d.state.UndecidedConflicts(ctx, undecidedPage)
	if err != nil {
		return false, err
	}
	later, err := d.mergeAll(ctx)
	if err != nil {
		return false, err
	}
	waiting, err := d.decide(ctx, undecided, later)
	return len(later) > 0 || waiting, err
}

// keepTelling tells of the conflicts that a daemon left undecided which merged, and this
// one does not, until it has, or ctx ends.
func (d *daemon) keepTelling(ctx context.Context) {
	for {
		undecided, err := d.state.UndecidedConflicts(ctx, undecidedPage)
		if err == nil && len(undecided) == 0 {
			return
		}
		if err == nil {
			_, err = d.decide(ctx, undecided, nil)
		}
		if err == nil {
			continue
		}
		if ctx.Err() == nil {
			d.log.Warn("telling of conflicts", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(mergeRetry):
		}
	}
}

// decide tells of conflict copies that are not to be merged later, and forgets those
// that are gone. It reports whether some are left.
func (d *daemon) decide(ctx context.Context, undecided []state.Undecided, later map[string]bool) (left bool, err error) {
	m, _, _ := d.members.current()
	names := map[string]string{}
	for _, name := range root.Folders {
		names[folderID(m.Network, name)] = name
	}
	decided, err := d.decided(undecided, later, names, d.engine.Local, time.Now())
	if err != nil || len(decided.Settled) == 0 {
		return len(undecided) > 0, err
	}
	left = len(decided.Settled) < len(undecided) || len(undecided) == undecidedPage
	return left, d.activity.Record(ctx, decided)
}

// decided is what decide enters: at a time, with the names of folders by their IDs, and
// a way to look up files.
func (d *daemon) decided(undecided []state.Undecided, later map[string]bool, names map[string]string,
	look func(folder, path string) (engine.File, bool, error), now time.Time) (out state.Entries, err error) {
	for _, u := range undecided {
		if later[u.Folder+"/"+u.Path] && now.Sub(u.Since).Abs() < undecidedFor {
			continue
		}
		if name, ok := names[u.Folder]; ok { // and not of a network that this device has left
			file, known, err := look(u.Folder, u.Path)
			if err != nil {
				return state.Entries{}, err
			}
			if e, ok := d.conflictEvent(file, name, now); ok && known && !file.Deleted {
				out.Events = append(out.Events, e)
			}
		}
		out.Settled = append(out.Settled, u)
	}
	return out, nil
}
