package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

// Resume says what is held, or ends that it is.
func (d *daemon) Resume(ctx context.Context, req api.ResumeRequest) (*api.ResumeLine, error) {
	only := strings.TrimSuffix(req.Folder, "/")
	if only != "" && !slices.Contains(root.Folders, only) {
		return nil, api.Errorf(api.CodeUsage, "Choose from "+strings.Join(root.Folders, ", ")+".", "there is no folder %q", req.Folder)
	}
	ids, err := d.folders()
	if err != nil {
		return nil, err
	}
	line := &api.ResumeLine{Schema: api.Schema, Type: api.TypeHeld, Folders: []api.HeldFolder{}}
	if req.Accept || req.Undo {
		line.Type, line.Action = api.TypeResumed, api.ActionUndone
		if req.Accept {
			line.Action = api.ActionAccepted
		}
	}
	timeout := req.Timeout
	if timeout <= 0 {
		timeout = api.DefaultResume
	}
	client := ctx
	ctx, cancel := waiting(ctx, timeout)
	defer cancel()
	var resumed []string // folder IDs
	for i, name := range root.Folders {
		if only != "" && only != name {
			continue
		}
		before := d.engine.Brake(ids[i])
		if line.Type == api.TypeHeld {
			if before.Held {
				line.Folders = append(line.Folders, api.HeldFolder{Name: name, Held: *heldIn(name, before)})
			}
			continue
		}
		// One whose directory is not there is made anew only if it was named.
		if only == "" && !before.Held && !before.Judging {
			continue
		}
		r, err := d.engine.Resume(ctx, ids[i], req.Accept)
		if outOfTime(ctx, err) {
			err = api.Errorf(api.CodeTimeout, "Nothing was decided about it. Try again, with a longer --timeout.",
				"the time ran out before it was known what is missing in %s: it is being looked at or written to", name)
		} else if err != nil {
			err = d.notResumed(name, ids[i], err)
		}
		if err != nil {
			line.Undecided = append(line.Undecided, api.Undecided{Name: name, Error: asAPI(err)})
			continue // what is decided about others is said all the same
		}
		if r.Files == 0 && !before.Held {
			continue
		}
		held := api.HeldFolder{Name: name, Held: *heldIn(name, before)}
		held.Files, held.Emptied, held.Busy = r.Files, r.Emptied, false
		if line.Left += r.Left; r.Why != nil {
			line.Why = name + ": " + notYet(r.Why)
		}
		for _, path := range r.Lost {
			held.Lost = append(held.Lost, name+"/"+path)
		}
		d.log.Info("resumed", "folder", name, "action", line.Action, "files", r.Files, "lost", len(r.Lost))
		line.Folders, resumed = append(line.Folders, held), append(resumed, ids[i])
	}
	if err := noneDecided(line); err != nil {
		return nil, err
	}
	if line.Action != api.ActionUndone || len(resumed) == 0 {
		return line, nil
	}
	err = d.awaitUndone(ctx, resumed, line)
	if outOfTime(ctx, err) && client.Err() == nil {
		err = nil
	}
	return line, err
}

// noneDecided is the error if nothing was decided about any folder: the first, but
// that a folder only receives comes after what can be mended.
func noneDecided(line *api.ResumeLine) error {
	if len(line.Folders) > 0 || len(line.Undecided) == 0 {
		return nil
	}
	first := slices.IndexFunc(line.Undecided, func(u api.Undecided) bool { return u.Error.Code != api.CodeReceiveOnly })
	return line.Undecided[max(first, 0)].Error
}

// notYet says why a decision was not carried out yet.
func notYet(err error) string {
	switch {
	case errors.Is(err, engine.ErrInUse), errors.Is(err, engine.ErrBusy):
		return err.Error()
	case isFull(err):
		return "the disk is full"
	case engine.IsAway(err):
		return "its directory is missing, or another one is in its place"
	}
	return "it is stopped: " + err.Error()
}

// awaitUndone waits for what is to come back from peers, as long as somebody is
// connected who has any of it, and says what is still to come then, and why.
func (d *daemon) awaitUndone(ctx context.Context, folders []string, line *api.ResumeLine) error {
	why := ""
	err := d.bell.await(ctx, func() (done bool, err error) {
		c, err := d.engine.Lacking(folders, shownNames)
		if line.Missing, line.Names = c.NeedItems, c.Names; err != nil || c.NeedItems == 0 {
			return true, err
		}
		why, done, err = d.whyMissing(folders)
		return done, err
	})
	if line.Left == 0 && line.Missing > 0 { // else that is said already
		line.Why = why
	}
	return err
}

// whyMissing says what keeps files from being here, and whether it is of no use to
// wait for them.
func (d *daemon) whyMissing(folders []string) (why string, vain bool, err error) {
	if !d.anybody() {
		return "no other device is connected", true, nil
	}
	why = "they are on their way"
	for _, id := range folders {
		failed, _, stopped := d.engine.Fault(id)
		if stopped != nil {
			return d.folderOf(id) + ": " + notYet(stopped), true, nil
		}
		if len(failed) > 0 {
			first := failedFile(d.folderOf(id), failed[0])
			why = first.Path + ": " + first.Reason
		}
	}
	source, err := d.engine.Sources(folders)
	if !source {
		return "no device that has them is connected", true, err
	}
	return why, false, err
}

func (d *daemon) folderOf(id string) string {
	ids, err := d.folders()
	if i := slices.Index(ids, id); err == nil && i >= 0 {
		return root.Folders[i]
	}
	return ""
}

func (d *daemon) notResumed(folder, id string, err error) error {
	if errors.Is(err, engine.ErrDeciding) {
		return api.Errorf(api.CodeRefused, `Wait until "botsync status" does not show it as held.`,
			"something else has been decided about %s and is being carried out", folder)
	}
	if errors.Is(err, engine.ErrRests) {
		return api.Errorf(api.CodeReceiveOnly, fmt.Sprintf(`"botsync resume %s --undo" brings the files back. To delete them everywhere, change what this device is for with "botsync devices role" first.`, folder),
			"%s is receive-only on this device, so that no other device can be told", folder)
	}
	if _, _, stopped := d.engine.Fault(id); stopped != nil && !isFull(err) {
		return folderStopped(folder, stopped)
	}
	return explain(d.root, err)
}

// heldIn is what is held in a folder; nil if nothing is.
func heldIn(folder string, b engine.Brake) *api.Held {
	h := &api.Held{Since: b.Since, Files: b.Files, Emptied: b.Emptied, Of: b.Of, Told: b.Gone, Names: []string{}, Busy: b.Deciding, Resting: b.Resting}
	for _, name := range b.Names {
		h.Names = append(h.Names, folder+"/"+name)
	}
	return h
}

// vanished says what happened to the files that are held.
func vanished(folder string, h api.Held) string {
	what := "deleted"
	switch {
	case h.Emptied > 0 && h.Emptied == h.Files:
		what = "overwritten with nothing"
	case h.Emptied > 0:
		what = fmt.Sprintf("deleted or (%d of them) overwritten with nothing", h.Emptied)
	}
	return fmt.Sprintf("%d of %d files in %s were %s on this device", h.Files, h.Of, folder, what)
}

// resumeHint says what can be decided.
func resumeHint(folder string) string {
	return fmt.Sprintf(`"botsync resume %[1]s --undo" brings them back from the other devices, "botsync resume %[1]s --accept" deletes them there as well.`, folder)
}

// restingHint says what can be decided in a folder that is receive-only.
func restingHint(folder string) string {
	return fmt.Sprintf(`"botsync resume %[1]s --undo" brings them back from the other devices. %[1]s is receive-only here, so that nothing of it travels.`, folder)
}

func heldProblem(folder string, h api.Held) api.Problem {
	p := api.Problem{Code: api.CodeHeld, Hint: resumeHint(folder),
		Message: fmt.Sprintf("%s at %s. This is held: no other device was told.", vanished(folder, h), h.Since.Local().Format(time.DateTime))}
	if len(h.Names) > 0 {
		p.Message += " The first: " + strings.Join(h.Names, ", ") + "."
	}
	if h.Told > 0 {
		p.Message += fmt.Sprintf(" %d more were deleted in the ten minutes before, and the others were told.", h.Told)
	}
	if h.Resting {
		p.Hint = restingHint(folder)
	}
	if h.Busy {
		p.Hint = "It has been decided, and is being carried out."
	}
	return p
}

// heldError is the error for a wait that would not end before somebody decides.
func heldError(folder string, h api.Held) *api.Error {
	p := heldProblem(folder, h)
	return api.Errorf(api.CodeHeld, p.Hint, "%s", p.Message)
}

// brakeKey is under which name state.db keeps what was told of the holds of a
// folder: the beginning of the latest one, and how many of the two events.
func brakeKey(folderID string) string { return "brake/" + folderID }

// recordBrakes writes the events of folders that are held, and are no more: each
// once, however often the daemon is killed.
func (d *daemon) recordBrakes(ctx context.Context, ids []string) error {
	for i, name := range root.Folders {
		b := d.engine.Brake(ids[i])
		if b.Since.IsZero() {
			continue
		}
		key := brakeKey(ids[i])
		at, err := d.state.Position(ctx, key)
		if err != nil {
			return err
		}
		if since := b.Since.Format(time.RFC3339Nano); at.Index != since {
			at = state.Position{Index: since}
		}
		event := api.Event{Time: time.Now(), Folder: name, Files: b.Files}
		if len(b.Names) > 0 {
			event.Path = b.Names[0]
		}
		var events []api.Event
		if at.Sequence == 0 {
			event.Type = api.EventHeld
			events = append(events, event)
			d.log.Warn("a folder is held", "folder", name, "files", b.Files, "of", b.Of)
		}
		if b.Outcome != "" && at.Sequence < 2 {
			event.Type, event.Action, event.Path = api.EventResumed, b.Outcome, ""
			events = append(events, event)
		}
		if len(events) == 0 {
			continue
		}
		at.Sequence = 1
		if b.Outcome != "" {
			at.Sequence = 2
		}
		if err := d.activity.Record(ctx, state.Entries{Events: events, Positions: map[string]state.Position{key: at}}); err != nil {
			return err
		}
	}
	return nil
}

// expectLosses has files, by their paths below the root, vanish without being held,
// until done is called after a scan of them.
func (d *daemon) expectLosses(paths []string) (done func()) {
	ids, err := d.folders()
	if err != nil {
		return func() {}
	}
	var ends []func()
	for i, name := range root.Folders {
		var within []string
		for _, p := range paths {
			if rest, ok := strings.CutPrefix(p, name+"/"); ok {
				within = append(within, rest)
			}
		}
		if len(within) > 0 {
			ends = append(ends, d.engine.ExpectLosses(ids[i], within))
		}
	}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}
