package engine

import (
	"context"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/events"
)

// The watcher looks at a directory as soon as it appears. What is put into it
// between that look and the moment at which the system begins to watch it is
// seen by nobody, until the next scan of everything, after an hour. The same
// goes for a directory that was renamed: for a moment its changes are reported
// under its old name. With Syncthing's own delay of ten seconds the look comes
// late enough; here it comes at once. So after every change there are two more
// looks at the whole folder.
const (
	sweepSoon = time.Second
	sweepLate = 10 * time.Second
	// At most one part in sweepShare of the time is spent on looking, but a
	// look is never put off for longer than sweepMax.
	sweepShare = 10
	sweepMax   = 30 * time.Second
	// ownLate is how much later than a scan its event may come. There is none if
	// the folder is stopped, and the next one must not be taken for it.
	ownLate = time.Second
)

// sweeper knows which folders have to be looked at again, and when.
type sweeper struct {
	mu      sync.Mutex
	folders map[string]*sweepState // by ID
	wake    chan struct{}
}

type sweepState struct {
	soon, late time.Time // zero if not wanted
	earliest   time.Time // for the sake of sweepShare
	own        bool      // a scan of ours, whose event is still to come
	ownUntil   time.Time // zero while that scan goes on
}

func newSweeper() *sweeper {
	return &sweeper{folders: map[string]*sweepState{}, wake: make(chan struct{}, 1)}
}

func (s *sweeper) state(folder string) *sweepState {
	st := s.folders[folder]
	if st == nil {
		st = &sweepState{}
		s.folders[folder] = st
	}
	return st
}

// note takes an event that may mean that something changed.
func (s *sweeper) note(ev events.Event, now time.Time) {
	data, ok := ev.Data.(map[string]any)
	if !ok {
		return
	}
	folder, _ := data["folder"].(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch ev.Type {
	case events.StateChanged:
		if data["to"] != "scanning" {
			return
		}
		st := s.state(folder)
		own := st.own && (st.ownUntil.IsZero() || now.Before(st.ownUntil))
		if st.own = false; own {
			return // it changed nothing as far as we know
		}
	case events.LocalIndexUpdated:
	default:
		return
	}
	st := s.state(folder)
	if st.soon.IsZero() {
		st.soon = now.Add(sweepSoon)
	}
	st.late = now.Add(sweepLate)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next returns the folder to look at now, or the time until there is one.
func (s *sweeper) next(now time.Time) (folder string, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait = time.Hour
	for id, st := range s.folders {
		due := st.soon
		if due.IsZero() {
			due = st.late
		}
		if due.IsZero() {
			continue
		}
		if due.Before(st.earliest) {
			due = st.earliest
		}
		if until := due.Sub(now); until > 0 {
			wait = min(wait, until)
			continue
		}
		if st.soon.IsZero() || !st.late.After(now) {
			st.late = time.Time{}
		}
		st.soon = time.Time{}
		st.own, st.ownUntil = true, time.Time{}
		return id, 0
	}
	return "", wait
}

// done notes what a look took, and whether there was one at all.
func (s *sweeper) done(folder string, end time.Time, took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state(folder)
	st.earliest, st.ownUntil = end.Add(min(took*sweepShare, sweepMax)), end.Add(ownLate)
	if err != nil {
		st.own = false
	}
}

// sweep looks at folders again, until ctx ends.
func (e *Engine) sweep(ctx context.Context) {
	for {
		folder, wait := e.sweeps.next(time.Now())
		if folder == "" {
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-e.sweeps.wake:
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		if ctx.Err() != nil {
			return
		}
		start := time.Now()
		err := e.scan(folder, nil) // not there any more, or stopped by an error: mend sees to that
		end := time.Now()
		e.sweeps.done(folder, end, end.Sub(start), err)
	}
}
