package engine

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/ignore"
)

// Syncthing notices changes with two parts: a file system that reports them, and
// an aggregator that gathers them for a scan. Only the first is used here. The
// second miscounts when a directory changes while changes below it are waiting
// (watchaggregator.aggregateEvent takes the directory's place without
// subtracting what was below it), as in "cp -a" of a tree. It then looks for
// changes that are not there, after each delay; and without a delay that is all
// the time, a whole processor, until the folder is restarted.
const (
	// What is created is also written and closed a moment later, and what is
	// moved away appears elsewhere: a scan that sees both announces them once.
	settle    = 1 * time.Millisecond
	settleMax = 20 * time.Millisecond
	// maxPaths is how many paths are scanned one by one before it is better to
	// scan the whole folder, as in Syncthing's aggregator.
	maxPaths = 512

	rescanPause  = time.Second // after a scan that failed
	rewatchPause = 2 * time.Second
	rewatchMax   = time.Minute
)

// watches are the folders that are watched.
type watches struct {
	mu      sync.Mutex
	folders map[string]*watch // by ID
}

// watch is one watched folder.
type watch struct {
	cfg     config.FolderConfiguration
	stop    context.CancelFunc
	stopped <-chan struct{}
	restart chan struct{}
	scan    func(folder string, paths []string) error
	pause   time.Duration // before a scan that failed is tried again
}

// rewatch watches the folders that are configured, and no others. Those that are
// new are looked at once more, unless their first scan is still to begin.
func (e *Engine) rewatch(ctx context.Context, running bool) {
	e.watches.mu.Lock()
	defer e.watches.mu.Unlock()
	if e.watches.folders == nil {
		e.watches.folders = map[string]*watch{}
	}
	wanted := e.cfg.Folders()
	for id, w := range e.watches.folders {
		// Syncthing makes a folder anew whenever its settings change.
		if f, ok := wanted[id]; !ok || !reflect.DeepEqual(f, w.cfg) {
			w.stop()
			delete(e.watches.folders, id)
		}
	}
	for id, f := range wanted {
		if e.watches.folders[id] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(ctx)
		w := &watch{cfg: f, stop: cancel, stopped: ctx.Done(), restart: make(chan struct{}, 1), scan: e.scan, pause: rescanPause}
		e.watches.folders[id] = w
		first := w.open(ctx) // before the scan that finds what is there already
		e.loops.Go(func() {
			defer cancel()
			w.run(ctx, first, running)
		})
	}
}

var errReplaced = errors.New("the folder was stopped or made anew")

// scan has the given paths of a folder looked at, or all of it if there are
// none. For a folder that is replaced while its first scan goes on, Syncthing's
// model never returns; this does.
func (e *Engine) scan(folder string, paths []string) error {
	replaced := e.running.Done()
	e.watches.mu.Lock()
	if w := e.watches.folders[folder]; w != nil {
		replaced = w.stopped
	}
	e.watches.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- e.model.ScanFolderSubdirs(folder, paths) }()
	select {
	case err := <-done:
		return err
	case <-replaced:
		return errReplaced
	}
}

// note restarts the watch of a folder whose error is over: the directory may be
// another one than before.
func (ws *watches) note(ev events.Event) {
	data, ok := ev.Data.(map[string]any)
	if !ok || ev.Type != events.StateChanged || data["from"] != "error" {
		return
	}
	folder, _ := data["folder"].(string)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w := ws.folders[folder]; w != nil {
		select {
		case w.restart <- struct{}{}:
		default:
		}
	}
}

// source is an open stream of changes.
type source struct {
	cancel  context.CancelFunc
	changes <-chan fs.Event
	failed  <-chan error
	ignores *ignore.Matcher
	hash    string // of the ignore patterns
	err     error  // why it is not open
}

func (w *watch) open(ctx context.Context) *source {
	fsys := w.cfg.Filesystem()
	s := &source{ignores: ignore.New(fsys)}
	_ = s.ignores.Load(".stignore") // the scan says what is wrong with it
	s.hash = s.ignores.Hash()
	ctx, s.cancel = context.WithCancel(ctx)
	s.changes, s.failed, s.err = fsys.Watch(".", s.ignores, ctx, w.cfg.IgnorePerms)
	return s
}

// run watches until ctx ends. What may have happened while the folder was not
// watched is found by a scan of all of it.
func (w *watch) run(ctx context.Context, s *source, missed bool) {
	said := ""
	for pause := rewatchPause; ; s = w.open(ctx) {
		if s.err == nil {
			pause = rewatchPause
			s.err = w.gather(ctx, s, missed)
		}
		s.cancel()
		missed = true
		if ctx.Err() != nil {
			return
		}
		if errors.Is(s.err, errRewatch) {
			continue
		}
		if said != s.err.Error() {
			said = s.err.Error()
			slog.Warn("Changes in a folder are not noticed at once", "folder", w.cfg.Label, "error", s.err)
		}
		select {
		case <-ctx.Done():
			return
		case <-w.restart:
		case <-time.After(pause):
		}
		pause = min(2*pause, rewatchMax)
	}
}

var errRewatch = errors.New("the folder has to be watched anew")

// gather collects changes and has them scanned, one scan at a time, until the
// watch fails or ctx ends.
func (w *watch) gather(ctx context.Context, s *source, missed bool) error {
	var (
		pending  = newPathSet()
		deadline time.Time // of the oldest pending change
		timer    = time.NewTimer(0)
		scanned  chan error // nil while no scan is under way
		scanning []string
	)
	<-timer.C
	defer timer.Stop()
	if missed {
		pending.add(".")
		timer.Reset(settle)
	}
	for {
		select {
		case ev := <-s.changes:
			now := time.Now()
			if pending.empty() {
				deadline = now.Add(settleMax)
			}
			pending.add(ev.Name)
			if scanned == nil {
				timer.Reset(min(settle, max(0, deadline.Sub(now))))
			}
		case <-timer.C:
			if pending.empty() || scanned != nil {
				continue
			}
			scanning = pending.take()
			done := make(chan error, 1)
			scanned = done
			// It ends with the folder, and nobody has to wait for it then.
			go func() { done <- w.scan(w.cfg.ID, scanning) }()
		case err := <-scanned:
			scanned = nil
			next := settle
			if err != nil {
				pending.addAll(scanning)
				next = w.pause
			}
			if _ = s.ignores.Load(".stignore"); s.ignores.Hash() != s.hash {
				return errRewatch
			}
			if !pending.empty() {
				timer.Reset(next)
			}
		case err := <-s.failed:
			return err
		case <-w.restart:
			return errRewatch
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pathSet is a set of paths within a folder. If there are too many of them, it
// is the folder itself.
type pathSet map[string]struct{}

func newPathSet() *pathSet { return &pathSet{} }

func (s *pathSet) add(path string) {
	if _, all := (*s)["."]; all {
		return
	}
	if path == "." || len(*s) == maxPaths {
		*s = pathSet{".": {}}
		return
	}
	(*s)[path] = struct{}{}
}

func (s *pathSet) empty() bool { return len(*s) == 0 }

// addAll puts back what take returned.
func (s *pathSet) addAll(paths []string) {
	if paths == nil {
		s.add(".")
	}
	for _, p := range paths {
		s.add(p)
	}
}

// take empties the set and returns what was in it; nil means all.
func (s *pathSet) take() []string {
	var paths []string
	for p := range *s {
		if p != "." {
			paths = append(paths, p)
		}
	}
	*s = pathSet{}
	return paths
}
