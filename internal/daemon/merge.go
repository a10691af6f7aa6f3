package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/botsync/botsync/internal/merge"
)

const (
	// mergePause is how long after a file that was being written to is looked at again.
	mergePause = 5 * time.Second
	// mergeRetry is how long after an error, such as a full disk, it is tried again.
	mergeRetry = time.Minute
)

// merger merges conflicts of files to which programs only add lines.
type merger struct {
	wake chan struct{}
	left map[string]unmerged // by the folder and the path of the copy
	came map[string]arrival  // likewise, of versions that were not made here
}

// unmerged is a conflict that could not be merged.
type unmerged struct {
	state string    // the size and time of both versions
	again time.Time // when it is worth another try; zero: when they have changed
	turn  bool      // it is that of other devices until then
}

func newMerger() merger {
	return merger{wake: make(chan struct{}, 1), left: map[string]unmerged{}, came: map[string]arrival{}}
}

// note says that there may be something to merge. It never blocks.
func (m *merger) note() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// keepMerging merges what can be merged until ctx ends, and tells of the conflicts
// that stay.
func (d *daemon) keepMerging(ctx context.Context) {
	if len(d.config.Merge.AppendOnly) == 0 {
		d.keepTelling(ctx)
		return
	}
	d.merger.note()
	again := time.NewTimer(mergePause)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.merger.wake:
		case <-again.C:
		}
		busy, err := d.mergeAndTell(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("merging conflicts", "error", err)
		}
		again.Stop()
		if busy || err != nil {
			again.Reset(mergePause)
		}
	}
}

// errBusy says that a file is being written to: it is tried again later.
var errBusy = errors.New("it is being written to")

// errNoBase says that versions cannot be merged.
var errNoBase = errors.New("it is not known for certain what both versions were before")

// errNoFile says that there is a directory or something else where a file was.
var errNoFile = errors.New("it is no file")

// cannotMerge reports whether it is of no use to try again.
func cannotMerge(err error) bool {
	return errors.Is(err, errNoBase) || errors.Is(err, errNoFile) || errors.Is(err, merge.ErrNotAdded) || errors.Is(err, merge.ErrTooMany)
}

// mergeAll merges what can be merged. It returns the conflict copies of which there is
// more to do later, by the ID of the folder and the path.
func (d *daemon) mergeAll(ctx context.Context) (later map[string]bool, err error) {
	all, err := d.allConflicts(ctx, "")
	if err != nil {
		return nil, err
	}
	later, left := map[string]bool{}, map[string]unmerged{} // what is no conflict any more is forgotten
	for _, c := range all {
		for _, v := range c.versions[1:] {
			if u, ok := d.merger.left[c.folder+"/"+v.path]; ok {
				left[c.folder+"/"+v.path] = u
			}
		}
	}
	came := map[string]arrival{}
	for _, c := range all {
		for _, v := range c.versions[1:] {
			if a, ok := d.merger.came[c.folder+"/"+v.path]; ok {
				came[c.folder+"/"+v.path] = a
			}
		}
	}
	d.merger.left, d.merger.came = left, came
	for _, c := range all {
		if c.doubt != "" || !d.merges(c.folder, c.path) {
			continue
		}
		// One copy after the other, in the same order on all devices: what comes of one
		// is what the next is merged with, and two authors who each merge theirs at once
		// would make two files of which neither begins with the other.
		first := false
		for _, v := range c.versions[1:] {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			again := first
			if !first {
				first, again = d.tryMerge(ctx, c, v)
			}
			if first || again {
				later[c.id+"/"+v.path] = true
			}
		}
	}
	return later, ctx.Err()
}

// merges reports whether this device merges conflicts of a file, if it can.
func (d *daemon) merges(folder, path string) bool {
	return d.config.Merge.Merges(folder, path) && !d.self().Role.ReceiveOnly(folder)
}

// tryMerge merges a conflict copy with the current version, unless that came to
// nothing and would do so again. It reports whether others have to wait, as it was
// merged or is about to be by another device, and whether it is worth another try.
func (d *daemon) tryMerge(ctx context.Context, c *inConflict, v version) (first, again bool) {
	name := c.folder + "/" + v.path
	state := fmt.Sprint(c.versions[0].file.Size, c.versions[0].file.Modified, v.file.Size, v.file.Modified)
	if u, ok := d.merger.left[name]; ok && u.state == state && (u.again.IsZero() || time.Now().Before(u.again)) {
		return u.turn, !u.again.IsZero()
	}
	err := d.mergeCopy(ctx, c, v)
	switch {
	case err == nil:
		d.log.Info("merged two versions", "folder", c.folder, "path", c.path)
		return true, false
	case errors.Is(err, errBusy), ctx.Err() != nil:
		return false, true
	}
	u := unmerged{state: state}
	if turn, ok := errors.AsType[errTurn](err); ok {
		u.again, u.turn = turn.comes, true
		d.merger.left[name] = u
		return true, true
	}
	d.log.Info("a conflict is not merged", "folder", c.folder, "path", c.path, "because", err)
	if !cannotMerge(err) {
		u.again = time.Now().Add(mergeRetry)
	}
	d.merger.left[name] = u
	return false, !u.again.IsZero()
}

// merged says of which files the engine is to remember versions; nil for none.
func (d *daemon) merged() func(folder, path string) bool {
	if len(d.config.Merge.AppendOnly) == 0 {
		return nil
	}
	return d.config.Merge.Merges
}
