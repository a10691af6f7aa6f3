package engine

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/ignore"

	"github.com/botsync/botsync/internal/ignores"
	"github.com/botsync/botsync/internal/watch"
)

// Syncthing notices changes with two parts: a file system that reports them, and
// an aggregator that gathers them for a scan. On Linux neither is used, but
// package watch; elsewhere the first, which cannot tell a finished write.
//
// The second miscounts when a directory changes while changes below it are
// waiting (watchaggregator.aggregateEvent takes the directory's place without
// subtracting what was below it), as in "cp -a" of a tree. It then looks for
// changes that are not there, after each delay; and without a delay that is all
// the time, a whole processor, until the folder is restarted.
const (
	rescanPause  = time.Second // after a scan that failed
	rewatchPause = 2 * time.Second
	rewatchMax   = time.Minute

	// How often all of a folder is looked at that cannot be watched, or not all of
	// it; but at most one part in rescanShare of the time is spent on that.
	rescanInterval = 10 * time.Second
	rescanShare    = 10
)

// watches are the folders that are watched.
type watches struct {
	mu      sync.Mutex
	folders map[string]*watched // by ID
	queues  sync.Map            // by ID → *watch.Queue, for those who must not wait for mu
	opener  opener
}

// watched is one watched folder.
type watched struct {
	cfg     config.FolderConfiguration
	index   localIndex
	opener  *opener
	stop    context.CancelFunc
	stopped <-chan struct{}
	restart chan struct{}
	pulled  chan struct{} // has an element after a pull
	queue   *watch.Queue
	scan    func(folder string, paths []string) error
	pulling func(folder string) bool
	pause   time.Duration // before a scan that failed is tried again

	took  atomic.Int64                     // nanoseconds, of the last scan of all
	limit atomic.Pointer[watch.LimitError] // what keeps changes from being noticed
}

// rewatch watches the folders that are configured, and no others. Those that are
// new are looked at once more, unless their first scan is still to begin.
func (e *Engine) rewatch(ctx context.Context, running bool) {
	e.watches.mu.Lock()
	defer e.watches.mu.Unlock()
	if e.watches.folders == nil {
		e.watches.folders = map[string]*watched{}
	}
	wanted := e.cfg.Folders()
	for id, w := range e.watches.folders {
		// Syncthing makes a folder anew whenever its settings change.
		if f, ok := wanted[id]; !ok || !reflect.DeepEqual(f, w.cfg) {
			w.stop()
			delete(e.watches.folders, id)
			e.watches.queues.Delete(id)
		}
	}
	for id, f := range wanted {
		if e.watches.folders[id] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(ctx)
		w := &watched{cfg: f, index: e.db, opener: &e.watches.opener, stop: cancel, stopped: ctx.Done(),
			restart: make(chan struct{}, 1), pulled: make(chan struct{}, 1),
			queue: watch.NewQueue(settle), scan: e.scan, pulling: e.pulling, pause: rescanPause}
		e.watches.folders[id] = w
		e.watches.queues.Store(id, w.queue)
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
	return e.inTurn(folder, func() error { return e.model.ScanFolderSubdirs(folder, paths) })
}

// inTurn calls do when nobody else looks at a folder. It does not wait for a folder
// that is replaced meanwhile.
func (e *Engine) inTurn(folder string, do func() error) error {
	replaced := e.running.Done()
	e.watches.mu.Lock()
	if w := e.watches.folders[folder]; w != nil {
		replaced = w.stopped
	}
	e.watches.mu.Unlock()
	turn := e.turns.of(folder)
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-replaced:
		return errReplaced
	}
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-replaced:
		return errReplaced
	}
}

// pulling reports whether a folder is writing what it got from peers. A scan has
// to wait for that.
func (e *Engine) pulling(folder string) bool {
	state, _, _ := e.model.State(folder)
	return stateName(state) == StateSyncing
}

// note restarts the watch of a folder whose error is over: the directory may be
// another one than before. And it tells when a folder has pulled.
func (ws *watches) note(ev events.Event) {
	data, ok := ev.Data.(map[string]any)
	if !ok || ev.Type != events.StateChanged {
		return
	}
	folder, _ := data["folder"].(string)
	from, _ := data["from"].(string)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w := ws.folders[folder]
	if w == nil {
		return
	}
	tell := w.pulled
	if from == "error" {
		tell = w.restart
	} else if stateName(from) != StateSyncing {
		return
	}
	select {
	case tell <- struct{}{}:
	default:
	}
}

// WatchProblem says what keeps changes in folders from being noticed at once.
type WatchProblem struct {
	Folders []string // names
	Message string
	Command string // for a shell, that mends it until the machine starts again
	File    string // for a file below /etc/sysctl.d, that mends it for good
}

// WatchProblems returns what keeps changes in folders from being noticed at once.
func (e *Engine) WatchProblems() []WatchProblem {
	e.watches.mu.Lock()
	defer e.watches.mu.Unlock()
	var out []WatchProblem
	var worst *watch.LimitError
	for _, f := range e.cfg.FolderList() {
		w := e.watches.folders[f.ID]
		if w == nil {
			continue
		}
		limit := w.limit.Load()
		if limit == nil {
			continue
		}
		if out == nil {
			out = []WatchProblem{{}}
		}
		out[0].Folders = append(out[0].Folders, f.Label)
		if worst == nil || worst.Need < limit.Need {
			worst = limit
		}
	}
	if out != nil {
		out[0].Message, out[0].Command, out[0].File = worst.Error(), worst.Command(), worst.File()
	}
	return out
}

// source is an open stream of changes into a queue.
type source struct {
	*tree
	ignores *ignore.Matcher
	hash    string // of the ignore patterns
	err     error  // why it is not open
}

func (w *watched) open(ctx context.Context) *source {
	s := &source{ignores: ignore.New(w.cfg.Filesystem())}
	_ = s.ignores.Load(ignores.LocalName) // the scan says what is wrong with it
	s.hash = s.ignores.Hash()
	s.tree, s.err = w.opener.open(ctx, w, s.ignores)
	w.limit.Store(limitOf(s))
	return s
}

// limitOf returns the limit of the system that a source has met, or nil.
func limitOf(s *source) *watch.LimitError {
	if s.err == nil {
		return s.tree.limit()
	}
	var limit *watch.LimitError
	errors.As(s.err, &limit)
	return limit
}

// run watches until ctx ends. What may have happened while the folder was not
// watched is found by a scan of all of it.
func (w *watched) run(ctx context.Context, s *source, missed bool) {
	said := ""
	for pause := rewatchPause; ; s = w.open(ctx) {
		if s.err == nil {
			pause = rewatchPause
			s.err = w.serve(ctx, s, missed)
			s.close()
		} else if missed {
			_ = w.scanAll() // it will be tried again
		}
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
		case <-time.After(max(pause, rescanShare*time.Duration(w.took.Load()))):
		}
		pause = min(2*pause, rewatchMax)
	}
}

var errRewatch = errors.New("the folder has to be watched anew")

// serve has changes looked at until the source fails or ctx ends.
func (w *watched) serve(ctx context.Context, s *source, missed bool) error {
	root := filepath.Clean(w.cfg.Path)
	noticing.Store(root, w.queue) // what was put in place before is among what was missed
	defer noticing.CompareAndDelete(root, w.queue)
	if missed {
		w.queue.Add(watch.Change{Path: watch.Root, Deep: true})
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- w.queue.Deliver(ctx, w.pause, func(ctx context.Context, changes []watch.Change) error {
			return w.look(ctx, cancel, s, changes)
		})
	}()
	rescan := time.NewTimer(w.interval())
	defer rescan.Stop()
	err := func() error {
		for {
			select {
			case err := <-ended:
				ended <- err
				return errRewatch
			case err := <-s.failed():
				return err
			case <-w.restart:
				return errRewatch
			case <-s.limited():
				w.limit.Store(s.limit())
			case <-rescan.C:
				if w.limit.Load() != nil || s.remote() {
					s.reread()
					w.limit.Store(s.limit())
				}
				rescan.Reset(w.interval())
			}
		}
	}()
	cancel()
	<-ended
	return err
}

func (w *watched) interval() time.Duration {
	return max(rescanInterval, rescanShare*time.Duration(w.took.Load()))
}

// look scans what has changed, as far as the index does not know it. It calls
// rewatch when the ignore patterns are other ones than those of the source.
func (w *watched) look(ctx context.Context, rewatch func(), s *source, changes []watch.Change) error {
	if s.stale() {
		rewatch() // and then look at all of it
		return nil
	}
	changes, err := w.unknownAtRest(ctx, s, changes)
	if err != nil || len(changes) == 0 {
		return err
	}
	if changes[0].Path == watch.Root {
		err = w.scanAll()
	} else {
		paths := make([]string, len(changes))
		for i, c := range changes {
			paths[i] = c.Path
		}
		err = w.scan(w.cfg.ID, paths)
	}
	if s.stale() {
		rewatch()
	}
	return err
}

// unknownAtRest returns what the index does not know when nothing is being pulled:
// what is pulled is on the disk before it is in the index, and what vanishes in
// between is in neither, until the index says that it is there. A scan would have
// to wait anyway.
func (w *watched) unknownAtRest(ctx context.Context, s *source, changes []watch.Change) ([]watch.Change, error) {
	for {
		for w.pulling(w.cfg.ID) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-w.pulled:
			case <-time.After(250 * time.Millisecond): // it does not tell when it is stopped
			}
		}
		select {
		case <-w.pulled: // before now
		default:
		}
		left := w.unknown(s, changes)
		if w.pulling(w.cfg.ID) {
			continue
		}
		select {
		case <-w.pulled: // meanwhile
		default:
			return left, nil
		}
	}
}

// stale reports whether the ignore patterns are other ones than those of the source.
func (s *source) stale() bool {
	_ = s.ignores.Load(ignores.LocalName)
	return s.ignores.Hash() != s.hash
}

func (w *watched) scanAll() error {
	start := time.Now()
	err := w.scan(w.cfg.ID, nil)
	w.took.Store(int64(time.Since(start)))
	return err
}
