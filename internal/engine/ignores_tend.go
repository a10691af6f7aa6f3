package engine

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/events"

	"github.com/botsync/botsync/internal/ignores"
	"github.com/botsync/botsync/internal/watch"
)

const (
	// ignoresInterval is how often the files of patterns are looked at: they also
	// come from peers, whose changes nobody here notices.
	ignoresInterval = time.Second

	// What is kept out is counted again at most this long after something has
	// changed, but at most one part in countShare of the time is spent on that; and
	// once in countAge also if nothing was noticed.
	countPause = 10 * time.Second
	countShare = 50
	countAge   = time.Hour
	// countAgeUnwatched is countAge where what is kept out is not watched.
	countAgeUnwatched = 10 * time.Minute
)

// What Syncthing says of a directory that it cannot delete for what is kept out.
const (
	dirHasIgnored = "contains ignored files"
	spared        = "it is kept out of the folder, and stays"
)

// tendIgnores has changed patterns take effect, hides directories that are kept
// for what is kept out, gives way to directories, and counts what is kept out, until
// ctx ends.
func (e *Engine) tendIgnores(ctx context.Context) {
	for range every(ctx, ignoresInterval, e.ignoring.wake) {
		e.ignoring.Lock()
		all := make(map[string]*ignoring, len(e.ignoring.all))
		for id, i := range e.ignoring.all {
			all[id] = i
		}
		e.ignoring.Unlock()
		for id, i := range all {
			if set := i.files.Set(); i.changed(set) {
				e.watches.lookAt(id)
				i.count.note()
			}
			if i.failed.Load() {
				e.keepDirs(id, i)
			}
			e.settleKinds(id, i)
			if i.recount(ctx, time.Now()) {
				e.tellIgnores(ctx, id, i)
			}
		}
	}
}

// changed reports whether a set is another one than the last time.
func (i *ignoring) changed(set *ignores.Set) bool { return i.seen.Swap(set) != set }

// lookAt has all of a folder looked at.
func (ws *watches) lookAt(folder string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w := ws.folders[folder]; w != nil {
		w.queue.Add(watch.Change{Path: watch.Root, Deep: true})
	}
}

// noteIgnores takes an event that says that something could not be written or deleted.
func (e *Engine) noteIgnores(ev events.Event) {
	data, ok := ev.Data.(map[string]any)
	if !ok || ev.Type != events.FolderErrors {
		return
	}
	folder, _ := data["folder"].(string)
	i := e.ignoring.of(folder)
	if i == nil {
		return
	}
	i.failed.Store(true)
	select {
	case e.ignoring.wake <- struct{}{}:
	default:
	}
}

// keepDirs hides the directories that could not be deleted for what they hold, and
// has Syncthing find them gone.
func (e *Engine) keepDirs(folder string, i *ignoring) {
	failed, err := e.model.FolderErrors(folder)
	if err != nil {
		return
	}
	var dirs []string
	for _, f := range failed {
		if strings.Contains(f.Err, dirHasIgnored) || strings.Contains(f.Err, spared) {
			dirs = append(dirs, filepath.ToSlash(f.Path))
		}
	}
	hidden := i.kept.keep(dirs)
	if len(hidden) == 0 {
		return
	}
	i.count.note()
	for n, d := range hidden {
		hidden[n] = filepath.FromSlash(d)
	}
	_ = e.scan(folder, hidden) // else the pull fails again, and this is done again
}

// ignoredCount is how much was kept out of a folder when it was last counted.
type ignoredCount struct {
	mu    sync.Mutex
	n     int
	at    time.Time // zero before the first time
	stale bool
	next  time.Time // not before
}

// note says that something has changed.
func (c *ignoredCount) note() {
	c.mu.Lock()
	c.stale = true
	c.mu.Unlock()
}

// due reports whether it is time to count, and takes what was noted.
func (c *ignoredCount) due(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := countAge
	if sweeping {
		age = countAgeUnwatched
	}
	if now.Before(c.next) || !c.stale && !c.at.IsZero() && now.Sub(c.at) < age {
		return false
	}
	c.stale = false
	return true
}

func (c *ignoredCount) done(n int, start, end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n, c.at = n, start
	c.next = end.Add(max(countPause, countShare*end.Sub(start)))
}

// recount counts what is kept out, if it is time to, and reports whether it did.
func (i *ignoring) recount(ctx context.Context, now time.Time) bool {
	if !i.count.due(now) {
		return false
	}
	set, was := i.files.Set(), i.counted
	n, err := i.countBy(ctx, set)
	before := -1
	if err == nil && was != nil && was.Text() != set.Text() {
		// The last count may be from before most of the files.
		before, err = i.countBy(ctx, was)
	}
	if err != nil {
		i.count.note()
		return false
	}
	i.count.done(n, now, time.Now())
	i.counted, i.before = set, before
	return true
}

// countBy counts what a set keeps out now.
func (i *ignoring) countBy(ctx context.Context, set *ignores.Set) (n int, err error) {
	err = set.List(ctx, i.root, ".", isInternal, func(ignores.Entry) bool { n++; return true })
	return n, err
}

// IgnoredCount returns how many files and whole directories are kept out of a
// folder, and when that was counted: zero if it was not yet. It is up to an hour
// old, but at most some seconds older than what was noticed to change.
func (e *Engine) IgnoredCount(folder string) (n int, at time.Time) {
	i := e.ignoring.of(folder)
	if i == nil {
		return 0, time.Time{}
	}
	i.count.mu.Lock()
	defer i.count.mu.Unlock()
	return i.count.n, i.count.at
}

// KeptDirs returns the directories of a folder that peers have deleted and that
// stay here for what is kept out of the folder, by path.
func (e *Engine) KeptDirs(folder string) []KeptDir {
	i := e.ignoring.of(folder)
	if i == nil {
		return nil
	}
	return i.kept.list()
}
