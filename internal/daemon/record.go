package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

const (
	recordPage  = 500         // entries of an index that are told at a time
	recordPause = time.Second // before what could not be written is tried again
	// recordLater is for how long a change is not recorded while nobody waits for it.
	// Meanwhile it goes to the peers, which needs the same disk and processors, and what
	// follows it closely is recorded with it.
	recordLater   = 25 * time.Millisecond
	pruneInterval = time.Hour
	activityAge   = 30 * 24 * time.Hour // how long an event is kept
	activityLimit = 250_000             // how many are kept, some 40 MB
)

// recorder turns what the engine's index says into events. The index is what
// counts: every change of a file has a place in it, also one that happened while
// nobody listened, so that none is lost or told twice however often the daemon is
// killed. The engine's events say only when there is something to read.
type recorder struct {
	dirty     chan struct{}             // some index has changed
	asked     chan chan struct{}        // closed when all is recorded that was in an index before
	positions map[string]state.Position // by folder ID; of record's goroutine alone
}

func newRecorder() *recorder {
	return &recorder{dirty: make(chan struct{}, 1), asked: make(chan chan struct{}), positions: map[string]state.Position{}}
}

// note never blocks.
func (r *recorder) note() {
	select {
	case r.dirty <- struct{}{}:
	default:
	}
}

// settled waits until what is in an index by now is recorded, though not for long.
func (r *recorder) settled(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, recordPause)
	defer cancel()
	done := make(chan struct{})
	select {
	case r.asked <- done:
	case <-ctx.Done():
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// record writes events of files until ctx ends.
func (d *daemon) record(ctx context.Context) {
	prune := time.NewTicker(pruneInterval)
	defer prune.Stop()
	d.recorder.note()
	d.prune(ctx)
	var asked []chan struct{}
	for {
		for _, done := range asked {
			close(done)
		}
		asked = nil
		select {
		case <-d.recorder.dirty:
		case done := <-d.recorder.asked:
			asked = append(asked, done)
		case <-prune.C:
			d.prune(ctx)
			continue
		case <-ctx.Done():
			return
		}
		if !d.activity.Followed() && len(asked) == 0 {
			select {
			case <-time.After(recordLater):
			case done := <-d.recorder.asked:
				asked = append(asked, done)
			case <-ctx.Done():
				return
			}
			select {
			case <-d.recorder.dirty: // what came meanwhile is read now as well
			default:
			}
		}
		m, _, _ := d.members.current()
		if m.Network == "" {
			continue
		}
		if err := d.introduce(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("recording who is new", "error", err)
		}
		if ids, err := d.folders(); err == nil {
			if err := d.recordBrakes(ctx, ids); err != nil && ctx.Err() == nil {
				d.log.Error("recording what is held", "error", err)
			}
		}
		for _, name := range root.Folders {
			err := d.recordFolder(ctx, folderID(m.Network, name), name)
			if err == nil || ctx.Err() != nil || errors.Is(err, engine.ErrNoIndex) {
				continue
			}
			d.log.Error("recording what happened; it is tried again", "folder", name, "error", err)
			select {
			case <-time.After(recordPause):
				d.recorder.note()
			case <-ctx.Done():
			}
		}
	}
}

// recordFolder reads on in the index of a folder, to its end.
func (d *daemon) recordFolder(ctx context.Context, id, name string) error {
	index, last, err := d.engine.Index(id)
	if err != nil {
		return err
	}
	at, ok := d.recorder.positions[id]
	if !ok {
		if at, err = d.state.Position(ctx, id); err != nil {
			return err
		}
	}
	switch {
	case at.Index != index:
		at = state.Position{Index: index}
	case at.Sequence > last:
		// A loss of power can take the end of the index with it.
		at.Sequence = last
	}
	d.recorder.positions[id] = at
	for at.Sequence < last && ctx.Err() == nil {
		changes, next, err := d.engine.Changes(id, at.Sequence, recordPage)
		if err != nil {
			return err
		}
		if next == at.Sequence {
			next = last // what is between has been replaced by later entries
		}
		at.Sequence = next
		entries, err := d.entries(ctx, id, name, changes)
		if err != nil {
			return err
		}
		entries.Positions = map[string]state.Position{id: at}
		if err := d.activity.Record(ctx, entries); err != nil {
			return err
		}
		d.recorder.positions[id] = at
		if len(entries.Undecided) > 0 {
			d.merger.note()
		}
	}
	return ctx.Err()
}

// entries makes events of changes. What happened to a file follows from what was
// told of it before: the index knows only how it is now.
func (d *daemon) entries(ctx context.Context, id, folder string, changes []engine.Change) (state.Entries, error) {
	var out state.Entries
	paths := make([]string, len(changes))
	for i, c := range changes {
		paths[i] = c.Path
	}
	before, err := d.state.Files(ctx, id, paths)
	if err != nil {
		return out, err
	}
	now := time.Now()
	for _, c := range changes {
		old, was := before[c.Path]
		action := happened(c, old, was)
		if action == "" {
			continue
		}
		out.Files = append(out.Files, state.File{Folder: id, Path: c.Path, Content: c.Content, Attributes: c.Attributes, Gone: c.Deleted})
		out.Events = append(out.Events, d.fileEvent(c, folder, action, now))
		if action == api.ActionNew && engine.IsConflictCopy(c.Path) {
			told, undecided, err := d.newCopy(c, id, folder, now)
			if err != nil {
				return out, err
			}
			out.Events, out.Undecided = append(out.Events, told...), append(out.Undecided, undecided...)
		}
	}
	return out, nil
}

// happened returns what a change did to a file of which old was told, if it was
// there at all; empty if nothing.
func happened(c engine.Change, old state.File, was bool) string {
	switch {
	case c.Deleted && !was, was && !c.Deleted && old.Content == c.Content && old.Attributes == c.Attributes:
		return ""
	case c.Deleted:
		return api.ActionDeleted
	case !was:
		return api.ActionNew
	case old.Content == c.Content:
		return api.ActionTouched
	}
	return api.ActionChanged
}

func (d *daemon) fileEvent(c engine.Change, folder, action string, now time.Time) api.Event {
	e := api.Event{Time: now, Type: api.EventFileReceived, Folder: folder, Path: c.Path,
		Action: action, Kind: api.KindFile}
	if !c.Deleted {
		e.Size = c.Size
	}
	if c.Symlink {
		e.Kind = api.KindSymlink
	}
	if c.ModifiedBy == engine.ShortID(d.members.self) {
		self := d.self()
		e.Type, e.Device = api.EventFileChanged, &self
	} else if e.Device = d.members.author(c.ModifiedBy); e.Device == nil {
		e.Device = &api.Device{ID: c.ModifiedBy} // no member any more
	}
	return e
}

// introduce tells of members that nobody was told of yet, and of those that are
// members no more.
func (d *daemon) introduce(ctx context.Context) error {
	if d.members.pending() != nil {
		return nil // it may come to nothing
	}
	known, err := d.state.KnownDevices(ctx)
	if err != nil {
		return err
	}
	_, plan, _ := d.members.current()
	var entries state.Entries
	tell := func(id, what string) {
		entries.Events = append(entries.Events, api.Event{Time: time.Now(), Type: what, Device: d.members.device(id)})
	}
	for _, m := range plan {
		if !known[m.ID] {
			entries.Devices = append(entries.Devices, m.ID)
			tell(m.ID, api.EventPeerAdded)
		}
	}
	removals := d.members.records().Removals
	for id := range known {
		if _, removed := removals[id]; removed && id != d.members.self {
			entries.Gone = append(entries.Gone, id)
			tell(id, api.EventPeerRemoved)
		}
	}
	if _, removed := removals[d.members.self]; removed && !known[d.members.self] {
		entries.Devices = append(entries.Devices, d.members.self) // it has been told
		tell(d.members.self, api.EventPeerRemoved)
	}
	if len(entries.Events) == 0 {
		return nil
	}
	return d.activity.Record(ctx, entries)
}

func (d *daemon) prune(ctx context.Context) {
	told, err := d.state.OutboxPosition(ctx) // what is above it has still to be notified
	if err == nil {
		err = d.state.PruneActivity(ctx, d.clock.before(activityAge), activityLimit, min(told, d.activity.Last()))
	}
	if err != nil && ctx.Err() == nil {
		d.log.Error("pruning the log", "error", err)
	}
}
