package engine

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/brake"
)

const (
	// brakeRecheck is how often the disk is asked whether what is held is there
	// again; but at most one part in brakeShare of the time is spent on that.
	brakeRecheck = 3 * time.Second
	brakeShare   = 20
	// brakePause is before something is tried again that was not possible.
	brakePause = 200 * time.Millisecond
	brakeRetry = 2 * time.Second // at least; and no more than one part in brakeShare of the time
	// movePatience is how long what would be held waits for scans of other folders,
	// where it may have been moved: what is there has to be read first.
	movePatience = 2 * time.Minute
	// scanPatience is how long what would pass waits for a scan of its own folder,
	// which may find more of it.
	scanPatience = time.Hour
	// rememberBack is how many of the latest entries of an index are looked at for
	// what had passed before the start.
	rememberBack = 5000
)

// tendBrakes judges what waits and carries out decisions, until ctx ends.
func (e *Engine) tendBrakes(ctx context.Context) {
	e.rememberPassed()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.brakes.wake:
		case <-timer.C:
		}
		timer.Reset(e.startDue(ctx, time.Now()))
	}
}

// startDue starts what is due, and returns how long until there is more.
func (e *Engine) startDue(ctx context.Context, now time.Time) time.Duration {
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	next := time.Hour
	for _, b := range e.brakes.folders {
		var do func(context.Context, *braked)
		due, waits := b.Due()
		switch {
		case b.busy:
			continue // whoever is at it nudges when it is done
		case b.Held() && b.state.Decision != "":
			do, due = e.carryOut, now
		case b.Held():
			do, due = e.recheckHeld, b.checked.Add(brakeRecheck)
		case waits && !b.resting:
			do = e.judge
		default:
			continue
		}
		due = later(due, b.pause)
		if wait := due.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		b.busy = true
		e.loops.Go(func() {
			do(ctx, b)
			e.brakes.mu.Lock()
			b.busy = false
			e.brakes.mu.Unlock()
			e.brakes.nudge()
		})
	}
	return next
}

// judge decides about what waits in a folder.
func (e *Engine) judge(ctx context.Context, b *braked) {
	e.recheck(b)
	scanning, elsewhere := e.scanning(b.id)
	files := e.filesIn(b.id)
	e.brakes.mu.Lock()
	now := time.Now()
	waiting := b.Waiting()
	files += uncounted(waiting)
	switch waited := now.Sub(b.Since()); {
	case len(waiting) == 0, b.resting:
	case b.TooMuch(now, files, e.brakes.arrivals.Contents(now)):
		if elsewhere && waited < movePatience {
			b.pause = now.Add(brakePause)
			break
		}
		b.hold(now, files, e.brakes.arrivals.Contents(now))
		e.brakes.mu.Unlock()
		e.tellBrake(ctx, b.id)
		return
	case scanning && waited < scanPatience:
		b.pause = now.Add(brakePause)
	default:
		pass := names(waiting)
		b.Allow(pass)
		e.brakes.mu.Unlock()
		start := time.Now()
		err := e.Look(ctx, b.id, paths(pass)...)
		e.brakes.mu.Lock()
		now := time.Now()
		b.Disallow(now, pass)
		if err != nil {
			b.pause = retryAt(start, now)
		}
	}
	e.brakes.mu.Unlock()
}

// retryAt is when to try again what was begun at start and has failed now. It may
// have taken a look at all of a large folder.
func retryAt(start, now time.Time) time.Time {
	return now.Add(max(brakeRetry, brakeShare*now.Sub(start)))
}

// scanning reports whether a folder is being looked at, and whether another one
// is: a move is found in both, and not at the same time.
func (e *Engine) scanning(folder string) (this, other bool) {
	e.brakes.mu.Lock()
	ids := make([]string, 0, len(e.brakes.folders))
	for id := range e.brakes.folders {
		ids = append(ids, id)
	}
	e.brakes.mu.Unlock()
	for _, id := range ids {
		state, _, err := e.model.State(id)
		if err != nil || stateName(state) != StateScanning && e.scans.over(id) {
			continue
		}
		if id == folder {
			this = true
		} else {
			other = true
		}
	}
	return this, other
}

// over reports whether the first scan of a folder is.
func (s *firstScans) over(folder string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, over := s.ends[folder]
	return over
}

// carryOut does what was decided.
func (e *Engine) carryOut(ctx context.Context, b *braked) {
	e.brakes.mu.Lock()
	decided, decision, turn := b.state.Names, b.state.Decision, b.turn
	if b.resting {
		e.brakes.mu.Unlock()
		e.undoResting(ctx, b)
		return
	}
	if decision == decideAccept {
		b.Allow(decided)
	} else {
		b.undo = make(map[string]bool, len(decided))
		for _, name := range decided {
			b.undo[name] = true
		}
	}
	e.brakes.mu.Unlock()

	// A scan finds all of it again, and pulls once it has found something.
	start := time.Now()
	err := e.Look(ctx, b.id, paths(decided)...)
	if decision == decideUndo {
		e.recheck(b)
	}

	e.brakes.mu.Lock()
	now := time.Now()
	b.Disallow(now, decided)
	if b.turn != turn {
		start = now // it is something else that is begun next
	}
	if err != nil || b.turn != turn {
		b.put(err, start, now)
		e.brakes.mu.Unlock()
		return
	}
	outcome := BrakeAccepted
	if decision == decideUndo {
		outcome = BrakeUndone
		if b.leave(decided) {
			b.pause = retryAt(start, now)
			e.brakes.mu.Unlock()
			return
		}
	}
	b.end(outcome, now)
	e.brakes.mu.Unlock()
	e.tellBrake(ctx, b.id)
}

// recheckHeld ends a hold of which nothing is left, or nothing but what was moved.
func (e *Engine) recheckHeld(ctx context.Context, b *braked) {
	start := time.Now()
	if err := e.lookOnce(ctx, b); err != nil {
		e.brakes.mu.Lock()
		defer e.brakes.mu.Unlock()
		b.pause = retryAt(start, time.Now())
		return
	}
	start = time.Now()
	e.brakes.mu.Lock()
	turn := b.turn
	e.brakes.mu.Unlock()
	losses, err := e.missing(b)
	e.brakes.mu.Lock()
	now := time.Now()
	b.checked = now
	b.pause = now.Add(brakeShare * now.Sub(start))
	ended := false
	if err == nil && b.turn == turn && b.Held() && b.state.Decision == "" && b.looked {
		b.count(losses)
		ended = len(losses) == 0 || b.Moved(e.brakes.arrivals.Contents(now), b.state.Passed, b.state.Of)
	}
	if ended {
		b.end(BrakeReturned, now)
	}
	e.brakes.mu.Unlock()
	if ended {
		e.tellBrake(ctx, b.id)
	}
}

// recheck leaves out what is there again. Nobody else says so if it is as it was.
func (e *Engine) recheck(b *braked) {
	e.brakes.mu.Lock()
	waiting := b.Waiting()
	e.brakes.mu.Unlock()
	if _, err := os.Lstat(filepath.Join(b.root, ".stfolder")); err != nil {
		return // it is not the folder that is there
	}
	fsys := fs.NewFilesystem(fs.FilesystemTypeBasic, b.root)
	var back []string
	for _, l := range waiting {
		if osutil.IsDeleted(fsys, l.Name) {
			continue
		}
		info, err := fsys.Lstat(l.Name)
		if err == nil && (info.IsDir() == l.Directory) && (!info.IsRegular() || info.Size() > 0 || l.Content == 0 && !l.Emptied) {
			back = append(back, l.Name)
		}
	}
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	for _, name := range back {
		b.Back(name)
	}
}

// rememberPassed reads in the index what was deleted here a short time ago: a
// slow deletion goes on when the daemon was started anew.
func (e *Engine) rememberPassed() {
	e.brakes.mu.Lock()
	folders := make([]*braked, 0, len(e.brakes.folders))
	for _, b := range e.brakes.folders {
		folders = append(folders, b)
	}
	e.brakes.mu.Unlock()
	now := time.Now()
	for _, b := range folders {
		last, err := e.db.GetDeviceSequence(b.id, protocol.LocalDeviceID)
		if err != nil {
			continue
		}
		entries, failed := e.db.AllLocalFilesBySequence(b.id, protocol.LocalDeviceID, max(1, last-rememberBack), rememberBack+1)
		for f := range entries {
			at := time.Unix(f.ModifiedS, 0)
			if f.Deleted && !f.IsReceiveOnlyChanged() && !f.IsDirectory() && f.ModifiedBy == e.id.Short() && now.Sub(at) < brake.Span && !at.After(now) {
				e.brakes.mu.Lock()
				if at.After(b.state.Ended) {
					b.Remember(at, brake.Loss{Name: f.Name})
				}
				e.brakes.mu.Unlock()
			}
		}
		_ = failed()
	}
}

// paths are what to look at: nothing, which means everything, if there are many.
func paths(names []string) []string {
	if len(names) > maxPaths {
		return nil
	}
	return append([]string(nil), names...)
}

// tellBrake says that a folder is held, or no more.
func (e *Engine) tellBrake(ctx context.Context, folder string) {
	name, ok := e.names.name(folder)
	if !ok {
		return
	}
	select {
	case e.brakes.events <- Event{Time: time.Now(), Type: FolderBraked, Folder: name}:
	case <-ctx.Done():
	}
}
