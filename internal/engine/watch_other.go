//go:build !linux

package engine

import (
	"context"
	"path/filepath"
	"time"

	"github.com/syncthing/syncthing/lib/ignore"

	"github.com/botsync/botsync/internal/watch"
)

// sweeping says whether folders have to be looked at again after a change.
const sweeping = true

// settle has to tell whether a file is finished, since the system does not: no
// write for a moment. A program that writes a file in one go needs less, even if
// it waits for a disk in between; one that takes longer than Max shows parts.
var settle = watch.Settle{Quiet: 100 * time.Millisecond, Max: 2 * time.Second}

// unfinished returns nothing: nobody tells which files are being written.
func unfinished(string, string) map[string]bool { return nil }

// opener watches folders with Syncthing's file system.
type opener struct{}

// tree is a folder that is watched.
type tree struct {
	cancel context.CancelFunc
	errs   <-chan error
	ended  chan struct{}
}

// open hands changes on as they come.
func (o *opener) open(ctx context.Context, w *watched, ignores *ignore.Matcher) (*tree, error) {
	ctx, cancel := context.WithCancel(ctx)
	changes, errs, err := w.cfg.Filesystem().Watch(".", ignores, ctx, w.cfg.IgnorePerms)
	if err != nil {
		cancel()
		return nil, err
	}
	t := &tree{cancel: cancel, errs: errs, ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		for {
			select {
			case ev := <-changes:
				// What is below a directory that appeared is not reported.
				w.queue.Add(watch.Change{Path: filepath.ToSlash(ev.Name), Deep: true})
			case <-ctx.Done():
				return
			}
		}
	}()
	return t, nil
}

func (o *opener) close() {}

func (t *tree) failed() <-chan error              { return t.errs }
func (t *tree) limit() *watch.LimitError          { return nil }
func (t *tree) limited() <-chan struct{}          { return nil }
func (t *tree) remote() bool                      { return false }
func (t *tree) reread()                           {}
func (t *tree) unfinished(string) map[string]bool { return nil }

func (t *tree) close() {
	t.cancel()
	<-t.ended
}

func finished(string, string, time.Time) bool { return true }

func catchUp(string) {}
