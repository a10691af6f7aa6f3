package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
	"github.com/botsync/botsync/internal/state"
)

// Undo takes back what one device has changed or deleted since a time.
func (d *daemon) Undo(ctx context.Context, req api.UndoRequest) (*api.UndoneLine, error) {
	s, err := scopeOf(req.Path)
	if err != nil {
		return nil, err
	}
	if req.Since.IsZero() {
		return nil, api.Errorf(api.CodeUsage, "Give a time such as 10m.", "it is not said since when")
	}
	device, err := d.undone(ctx, req.Device)
	if err != nil {
		return nil, err
	}
	if err := d.heldAmong(s); device.ID == d.members.self && err != nil {
		return nil, err
	}
	line := &api.UndoneLine{Schema: api.Schema, Type: api.TypeUndone, DryRun: req.DryRun, Device: device, Since: req.Since,
		Files: []api.RestoredFile{}, New: []string{}, Skipped: []api.SkippedFile{}}
	f, err := d.find(ctx, s, history.Query{Since: req.Since}, false, req.Timeout)
	if err != nil {
		return nil, explain(d.root, err)
	}
	line.Unreachable = orNone(f.unreachable)
	short := engine.ShortID(device.ID)
	made, err := d.madeBy(ctx, device, s, req.Since)
	if err != nil {
		return nil, err
	}
	plan := history.PlanUndo(f.versions, short, d.clock.said(req.Since), req.Force, d.stateOf, d.isSame, func(folder, p string) time.Time {
		if at, ok := made[path.Join(folder, p)]; ok {
			return d.clock.said(at)
		}
		return time.Time{}
	})
	for _, o := range plan.Others {
		skipped := skip(history.Version{Folder: o.Folder, Path: o.Path}, api.SkippedChanged, "somebody else has changed it since")
		skipped.Device = d.whoIs(o.By)
		line.Skipped = append(line.Skipped, skipped)
	}
	line.New = d.stillNew(made, short, f.versions, plan)
	may := guard{by: short}
	if req.Force {
		may = unconditionally
	}
	if req.RemoveNew && !req.DryRun {
		line.Removed = d.removeNew(ctx, line, may) // first: one may have the name of a directory that comes back
	}
	if err := d.bringBack(ctx, plan.Restore, may, req.DryRun, &line.Restored, &line.Files, &line.Skipped); err != nil {
		return nil, err
	}
	d.log.Info("undone", "device", device.ID, "since", req.Since, "restored", line.Restored, "removed", line.Removed, "skipped", len(line.Skipped))
	return line, nil
}

// undone finds the device that is meant: a member, this one, or one that was.
func (d *daemon) undone(ctx context.Context, name string) (api.Device, error) {
	if name == selfWord {
		_, plan, _ := d.members.current()
		if len(match(name, append(devices(plan), d.self()))) == 0 {
			return d.self(), nil
		}
	}
	_, plan, _ := d.members.current()
	return whoever(ctx, d.state, name, append(devices(plan), d.self()))
}

// madeBy says when a device has made each of the files that it has made since a time, as
// far as the log knows.
func (d *daemon) madeBy(ctx context.Context, device api.Device, s scope, since time.Time) (map[string]time.Time, error) {
	q := state.ActivityQuery{Types: []string{api.EventFileReceived, api.EventFileChanged}, Actions: []string{api.ActionNew}, Device: device.ID, Since: since}
	if len(s.folders) == 1 {
		q.Folder, q.Path = s.folders[0], s.path
	}
	d.recorder.settled(ctx)
	events, err := d.state.Activity(ctx, q)
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for _, e := range sinceClockWasSet(events, time.Now()) {
		p := path.Join(e.Folder, e.Path)
		if at, ok := out[p]; !ok || e.Time.Before(at) {
			out[p] = e.Time
		}
	}
	return out, nil
}

// stillNew are the files that a device has made and that are as it made them: those of
// which there was nothing before, or what somebody else had deleted. What was there, the
// plan brings back or leaves alone.
func (d *daemon) stillNew(made map[string]time.Time, short string, versions []history.Held, plan history.Undo) []string {
	had := map[string]bool{} // there was something before
	for _, v := range versions {
		had[v.Folder+"/"+v.Path] = !v.Deleted || v.By == short || v.By == ""
	}
	for _, m := range plan.Made {
		had[m.Folder+"/"+m.Path] = false
	}
	for _, v := range plan.Restore {
		had[v.Folder+"/"+v.Path] = true
	}
	for _, o := range plan.Others {
		had[o.Folder+"/"+o.Path] = true
	}
	out := []string{}
	for p := range made {
		folder, rest, err := splitPath(p)
		if err != nil || had[p] {
			continue
		}
		if now := d.stateOf(folder, rest); now.There && now.By == short && !now.Unsettled {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// sinceClockWasSet leaves out events of before the clock was set back: they have times
// to come, and it is not known how long ago that was. The events are in their order.
func sinceClockWasSet(events []api.Event, now time.Time) []api.Event {
	for i, e := range slices.Backward(events) {
		if e.Time.Sub(now) > time.Minute {
			return events[i+1:]
		}
	}
	return events
}

// removeNew removes what a device has made, into the history.
func (d *daemon) removeNew(ctx context.Context, line *api.UndoneLine, may guard) int {
	changed := map[string][]string{}
	removed := 0
	var told []func()
	defer func() {
		for _, done := range told {
			done()
		}
	}()
	for _, p := range line.New {
		folder, rest, err := splitPath(p)
		if err != nil || ctx.Err() != nil {
			continue
		}
		v := history.Version{Folder: folder, Path: rest}
		if d.receiveOnly(folder) {
			line.Skipped = append(line.Skipped, skip(v, api.SkippedReadOnly, folder+" is receive-only here: what is removed there does not travel"))
			continue
		}
		if !d.may(may, v) {
			continue
		}
		done := d.expectLosses([]string{p})
		if err := d.removeFile(folder, rest); err != nil {
			done()
			line.Skipped = append(line.Skipped, skip(v, api.SkippedFailed, err.Error()))
			continue
		}
		told = append(told, done)
		removed++
		changed[folder] = append(changed[folder], rest)
	}
	d.noticeRestored(ctx, changed)
	return removed
}

func (d *daemon) removeFile(folder, p string) error {
	dir, err := os.OpenRoot(d.root.Folder(folder))
	if err != nil {
		return err
	}
	defer dir.Close()
	return history.Remove(dir, p, func(at string) error { return d.keepOwn(folder, p, at, true) })
}

// isSame reports whether a file holds what a version does that is on this device;
// of others it is not known.
func (d *daemon) isSame(v history.Held) bool {
	if !slices.Contains(v.Holders, d.members.self) {
		return false
	}
	file := filepath.Join(d.root.Folder(v.Folder), filepath.FromSlash(v.Path))
	info, err := os.Lstat(file)
	if err != nil {
		return false
	}
	if v.Symlink || !info.Mode().IsRegular() {
		there, err := os.Readlink(file)
		before, other := d.history.Target(v.Version)
		return err == nil && other == nil && there == before
	}
	there, err := os.Open(file)
	if err != nil {
		return false
	}
	defer there.Close()
	before, err := d.history.Open(v.Version)
	if err != nil {
		return false
	}
	defer before.Close()
	return sameContent(there, before)
}

// sameContent compares two files to their ends.
func sameContent(a, b io.Reader) bool {
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errA := io.ReadFull(a, x)
		m, errB := io.ReadFull(b, y)
		if n != m || !bytes.Equal(x[:n], y[:m]) {
			return false
		}
		if errA != nil || errB != nil {
			atEnd := func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
			return atEnd(errA) && atEnd(errB)
		}
	}
}
