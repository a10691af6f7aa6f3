package engine

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// What is remembered of files that are gone, or are not to be merged any more, is of no
// use. It is removed now and then, a little at a time, while nothing else is to be done.
// Of a file that is there no more is remembered than fits, see latest.
const (
	sweepBasesFirst = 10 * time.Minute // after the start
	sweepBasesEvery = 24 * time.Hour
	sweepBasesPause = time.Second // between two parts
	sweepBasesBusy  = time.Minute // before it is looked again whether there is nothing else to be done
	sweepBasesPart  = 200         // files that are looked up in one go
	sweepBasesKeys  = 50_000      // names that are held in memory
	// sweepBasesGone is how long a file has to be gone: programs replace one by removing
	// it and making it anew.
	sweepBasesGone = 24 * time.Hour
)

// baseSweep is how far a sweep has come.
type baseSweep struct {
	queue []string // keys to look up
	last  string   // the last key that was put into the queue; empty when a sweep begins
}

// sweepBases removes what is remembered of no use, until ctx ends.
func (e *Engine) sweepBases(ctx context.Context) {
	timer := time.NewTimer(sweepBasesFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if !e.idle() {
			timer.Reset(sweepBasesBusy)
			continue
		}
		more, err := e.bases.sweepPart(sweepBasesKeys, sweepBasesPart, func(folder, name string) (bool, error) {
			f, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, filepath.FromSlash(name))
			return err == nil && (!ok || uselessBases(f, time.Now())), err
		})
		switch {
		case err != nil:
			slog.Warn("Versions of files that are gone are still remembered", "error", err)
			timer.Reset(sweepBasesEvery)
		case more:
			timer.Reset(sweepBasesPause)
		default:
			timer.Reset(sweepBasesEvery)
		}
	}
}

// idle reports whether all folders have nothing to do.
func (e *Engine) idle() bool {
	for id := range e.cfg.Folders() {
		if state, _, _ := e.model.State(id); !atRest(state) {
			return false
		}
	}
	return true
}

// atRest reports whether a folder has nothing to do: also one that can do nothing, its
// disk being gone for one, or that does not run. That may last.
func atRest(state string) bool { return state == "idle" || state == "error" || state == "" }

// uselessBases reports whether of an entry of this device's index nothing need be
// remembered. The time of a deletion is when it was noticed.
func uselessBases(f protocol.FileInfo, now time.Time) bool {
	if f.IsDeleted() {
		return now.Sub(f.ModTime()) > sweepBasesGone
	}
	return f.Type != protocol.FileInfoTypeFile
}

// sweepPart goes on with a sweep, and reports whether there is more of it. It looks up no
// more than part files, and holds the names of so many.
func (b *mergeBases) sweepPart(names, part int, useless func(folder, name string) (bool, error)) (more bool, err error) {
	if len(b.sweep.queue) == 0 {
		if b.sweep.queue, err = b.store.keys(basePrefix, b.sweep.last, names); err != nil {
			return false, err
		}
		if len(b.sweep.queue) == 0 {
			b.sweep.last = ""
			return false, nil
		}
		b.sweep.last = b.sweep.queue[len(b.sweep.queue)-1]
	}
	for _, key := range b.sweep.queue[:min(part, len(b.sweep.queue))] {
		if !b.entering.TryLock() {
			return true, nil // entries that were noted are not in the index yet
		}
		b.sweep.queue = b.sweep.queue[1:]
		err := b.sweepKey(key, useless)
		b.entering.Unlock()
		if err != nil {
			b.sweep = baseSweep{}
			return false, err
		}
	}
	return true, nil
}

func (b *mergeBases) sweepKey(key string, useless func(folder, name string) (bool, error)) error {
	folder, name, ok := strings.Cut(strings.TrimPrefix(key, basePrefix), "/")
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := !ok || b.wanted == nil || !b.wanted(folder, name)
	if !gone {
		var err error
		if gone, err = useless(folder, name); err != nil {
			return err
		}
	}
	if !gone {
		return nil
	}
	return b.store.DeleteKV(key)
}
