package engine

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/ignore"

	"github.com/botsync/botsync/internal/watch"
)

// sweeping says whether folders have to be looked at again after a change.
// Package watch misses nothing, so that Syncthing's scan once in an hour is net
// enough.
const sweeping = false

// settle is for what comes together: the two ends of a rename, the files of one
// program. A file is finished when it is reported.
var settle = watch.Settle{Quiet: 400 * time.Microsecond, More: 5 * time.Millisecond, Max: 20 * time.Millisecond}

// opener watches all folders with one inotify instance.
type opener struct {
	mu sync.Mutex
	w  *watch.Watcher
}

// tree is a folder that is watched.
type tree struct{ *watch.Tree }

func (o *opener) open(_ context.Context, w *watched, ignores *ignore.Matcher) (*tree, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.w == nil {
		var err error
		if o.w, err = watch.Open(); err != nil {
			o.w = nil
			return nil, err
		}
	}
	out := ignoringOf(filepath.Clean(w.cfg.Path))
	skip := func(p string) bool {
		skips := ignores.Match(p).CanSkipDir()
		if skips && out != nil && !isInternal(p) {
			out.count.note()
		}
		return skips
	}
	t, err := o.w.Add(w.cfg.Path, skip, w.queue)
	if err != nil {
		return nil, err
	}
	if w.cfg.CaseSensitiveFS { // see folderFS
		trees.Store(filepath.Clean(w.cfg.Path), t)
	}
	return &tree{t}, nil
}

// close must be called when no folder is watched any more.
func (o *opener) close() {
	if o.w != nil {
		_ = o.w.Close()
	}
}

func (t *tree) failed() <-chan error                  { return t.Failed() }
func (t *tree) limit() *watch.LimitError              { return t.Limit() }
func (t *tree) limited() <-chan struct{}              { return t.Limited() }
func (t *tree) remote() bool                          { return t.Remote() }
func (t *tree) reread()                               { t.Reread() }
func (t *tree) unfinished(dir string) map[string]bool { return t.Unfinished(dir) }

func (t *tree) close() {
	trees.Range(func(root, of any) bool {
		if of == t.Tree {
			trees.Delete(root)
		}
		return true
	})
	t.Close()
}

// trees are those that are watched, by their roots, for the file systems that
// Syncthing makes for itself.
var trees sync.Map // string → *watch.Tree

// unfinished returns the names in a directory of a folder that are being written.
func unfinished(root, dir string) map[string]bool {
	if t, ok := trees.Load(root); ok {
		return t.(*watch.Tree).Unfinished(dir)
	}
	return nil
}

// finished reports whether a file of a folder is not being written.
func finished(root, name string, modified time.Time) bool {
	t, ok := trees.Load(root)
	return !ok || t.(*watch.Tree).Finished(name, modified)
}

// catchUp has what has happened in a folder be in its queue.
func catchUp(root string) {
	if t, ok := trees.Load(root); ok {
		t.(*watch.Tree).CatchUp()
	}
}
