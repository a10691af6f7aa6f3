package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/brake"
)

// The brake of a folder that only receives rests: nothing that vanishes in it
// travels, and Syncthing marks it in the index as changed here. Once the folder sends
// again the next scan takes the marks off, which is a loss like any other (see
// lossOf). What was held is held until then: that is remembered, and ends only when a
// look at all of the folder has found nothing of it.

// rest has a brake rest, or work again. What is lost is found anew by the next scan,
// in the other way.
func (b *braked) rest(resting bool) {
	b.resting, b.looked, b.state.Resting = resting, false, resting
	b.turn++
	b.checked, b.pause = time.Time{}, time.Time{}
	if resting {
		for _, l := range b.Waiting() {
			b.Back(l.Name)
		}
		if b.state.Decision == decideAccept {
			// Nobody can be told, and what is missing when that can be is not known.
			b.state.Decision, b.state.Names = "", nil
			b.answer(ErrRests)
		}
	}
	if !b.Held() {
		return
	}
	if err := b.save(); err != nil {
		slog.Error("It cannot be kept that a folder only receives, or no more", "folder", b.root, "error", err)
	}
}

func (e *Engine) rests(b *braked) bool {
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	return b.resting
}

// lookOnce looks at all of a folder, unless that was done since the brake began to
// work or to rest: before that it is not known what is missing.
func (e *Engine) lookOnce(ctx context.Context, b *braked) error {
	for {
		e.brakes.mu.Lock()
		looked, turn := b.looked, b.turn
		e.brakes.mu.Unlock()
		if looked && e.scans.over(b.id) {
			return nil
		}
		if err := e.Look(ctx, b.id); err != nil {
			return err
		}
		e.brakes.mu.Lock()
		b.looked = b.turn == turn
		e.brakes.mu.Unlock()
	}
}

// missing returns what is held, or would be: losses that are neither undone nor told
// to anybody.
func (e *Engine) missing(b *braked) ([]brake.Loss, error) {
	if e.rests(b) {
		return e.lostHere(b.id)
	}
	e.recheck(b)
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	return b.Waiting(), nil
}

// unknown reports whether it cannot be told what the peers have of a file that was
// lost here while the folder only received: mine is its entry, global what all devices
// are to have, if there is that. The index of who has the file may be missing for a
// moment, as it is made anew; without it what was done here seems to be all there is.
// An empty file may also be one that was never more, and nobody else's.
func (e *Engine) unknown(folder string, mine, global protocol.FileInfo, ok bool) bool {
	if ok && !global.IsReceiveOnlyChanged() {
		return false
	}
	return mine.Deleted || e.othersMade(mine) || e.alone(folder)
}

// othersMade reports whether another device has made some version of a file that leads
// to this one.
func (e *Engine) othersMade(f protocol.FileInfo) bool {
	self := e.id.Short()
	return slices.ContainsFunc(f.Version.Counters, func(c protocol.Counter) bool { return c.ID != self })
}

// alone reports whether a folder has peers, and the index of none of them is here.
func (e *Engine) alone(folder string) bool {
	cfg, ok := e.cfg.Folder(folder)
	if !ok || len(cfg.Devices) < 2 {
		return false
	}
	for _, device := range cfg.DeviceIDs() {
		if device == e.id {
			continue
		}
		if last, err := e.db.GetDeviceSequence(folder, device); err == nil && last > 0 {
			return false
		}
	}
	return true
}

// mayDrop returns which entries of this device's index may be removed. A scan of a folder
// that only receives removes those of what is gone here and seems to be nobody else's,
// as everything does for a moment in which the indexes of the peers are missing: what is
// held would be forgotten.
func (e *Engine) mayDrop(folder string, names []string) []string {
	b := e.brakes.of(folder)
	if b == nil {
		return names
	}
	e.brakes.mu.Lock()
	held := b.Held() && b.resting
	e.brakes.mu.Unlock()
	if !held {
		return names
	}
	if e.alone(folder) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		mine, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, name)
		return err != nil || ok && e.othersMade(mine)
	})
}

// lostHere returns what was lost in a folder while it only received, and others have,
// or may have.
func (e *Engine) lostHere(folder string) ([]brake.Loss, error) {
	count, err := e.model.ReceiveOnlySize(folder)
	if err != nil || count.TotalItems() == 0 {
		return nil, err
	}
	var out []brake.Loss
	files, failed := e.db.below(folder, "")
	for f := range files {
		emptied := !f.Deleted && f.Type == protocol.FileInfoTypeFile && f.Size == 0
		// One without a version is about to come back.
		if !f.IsReceiveOnlyChanged() || !f.Deleted && !emptied || f.Version.IsEmpty() {
			continue
		}
		global, ok, err := e.db.GetGlobalFile(folder, f.Name)
		if err != nil {
			return nil, err
		}
		if e.unknown(folder, f, global, ok) {
			out = append(out, brake.Loss{Name: f.Name, Emptied: emptied, Directory: f.IsDirectory(), Uncounted: f.Deleted})
			continue
		}
		if ok && !global.IsDeleted() && !global.IsInvalid() && !(emptied && (global.Size == 0 || global.Type != protocol.FileInfoTypeFile)) {
			out = append(out, brake.Loss{Name: f.Name, Content: contents(global), Emptied: emptied, Directory: global.IsDirectory(), Uncounted: f.Deleted})
		}
	}
	return out, failed()
}

// undoResting has what was lost in a folder that only receives come back from the
// peers, as far as that was decided.
func (e *Engine) undoResting(ctx context.Context, b *braked) {
	e.brakes.mu.Lock()
	start, decided, turn := time.Now(), b.state.Names, b.turn
	e.brakes.mu.Unlock()
	again := func(why error) {
		e.brakes.mu.Lock()
		defer e.brakes.mu.Unlock()
		now := time.Now()
		if b.turn != turn {
			start = now // it is something else that is begun next
		}
		b.put(why, start, now)
	}
	// What vanished before the folder only received is not marked yet.
	err := e.Look(ctx, b.id, paths(decided)...)
	if err == nil {
		err = e.inTurn(b.id, func() error { return e.revertLosses(b.id, decided) })
	}
	if err != nil {
		again(err)
		return
	}
	losses, err := e.lostHere(b.id)
	e.brakes.mu.Lock()
	if left := intersection(decided, losses); err != nil || b.turn != turn || len(left) > 0 {
		e.brakes.mu.Unlock()
		again(err)
		return
	}
	b.end(BrakeUndone, time.Now())
	e.brakes.mu.Unlock()
	e.tellBrake(ctx, b.id)
}

// revertLosses has Syncthing revert some of what was lost in a folder, and nothing
// else that was changed in it.
func (e *Engine) revertLosses(folder string, decided []string) error {
	cfg, ok := e.cfg.Folder(folder)
	if !ok || cfg.Type != config.FolderTypeReceiveOnly {
		return errors.New("the folder sends now")
	}
	losses, err := e.lostHere(folder)
	if err != nil {
		return err
	}
	chosen := map[string]bool{}
	for _, name := range intersection(decided, losses) {
		chosen[name] = true
	}
	for _, l := range losses {
		if !l.Emptied {
			continue
		}
		// Syncthing would remove what it takes for a file of this device alone. It
		// waits until it is known whose it is.
		if global, ok, err := e.db.GetGlobalFile(folder, l.Name); err != nil || !ok || global.IsReceiveOnlyChanged() {
			delete(chosen, l.Name)
		}
	}
	defer e.db.only(folder, chosen)()
	e.model.Revert(folder)
	return nil
}

// intersection returns the names that are those of losses.
func intersection(decided []string, losses []brake.Loss) []string {
	lost := make(map[string]bool, len(losses))
	for _, l := range losses {
		lost[l.Name] = true
	}
	return slices.DeleteFunc(slices.Clone(decided), func(name string) bool { return !lost[name] })
}
