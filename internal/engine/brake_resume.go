package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/syncthing/syncthing/lib/config"
)

// Brake says what is held in a folder.
type Brake struct {
	Held bool
	// Judging says that something vanished a moment ago, and that it is not known
	// yet whether it is held.
	Judging  bool
	Since    time.Time // when it was held; of the latest hold, also if it is over
	Files    int       // files and links that are held
	Emptied  int       // of them: overwritten with nothing
	Of       int       // files that the folder had
	Passed   int       // were lost in the minutes before, and told to the peers
	Names    []string  // the first of them, slash-separated
	Deciding bool      // a decision is being carried out
	Outcome  string    // how the latest hold ended, one of the Brake constants
}

// Brake returns what is held in a folder.
func (e *Engine) Brake(folder string) Brake {
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	b := e.brakes.folders[folder]
	if b == nil {
		return Brake{}
	}
	if b.Held() && b.state.Decision == "" && e.scans.over(folder) {
		b.count()
	}
	out := b.state.brake(b.Held())
	out.Judging = !b.Held() && len(b.Waiting()) > 0
	return out
}

func (s brakeState) brake(held bool) Brake {
	return Brake{Held: held, Since: s.Since, Files: s.Files, Emptied: s.Emptied, Of: s.Of, Passed: s.Passed, Names: s.First,
		Deciding: held && s.Decision != "", Outcome: s.Outcome}
}

// KeptBrake returns what was held in a folder when the engine in dir ran last.
func KeptBrake(dir, folder string) Brake {
	b := braked{path: filepath.Join(dir, brakePrefix+folder+".json")}
	b.load()
	return b.state.brake(b.Held())
}

// Resumed says what became of what was held.
type Resumed struct {
	Files   int      // that were held; 0 if nothing was
	Emptied int      // of them
	Lost    []string // could not be brought back, as no peer is known to have them; slash-separated
	Left    int      // could not be brought back yet: they are held until that is possible
}

// ErrDeciding says that something else has been decided already.
var ErrDeciding = errors.New("another decision is being carried out")

// Resume ends that a folder is held: what was lost is told to the peers, or is
// brought back from them. It returns when they have been told, or when what is
// missing is known to be: it comes after that. What cannot be brought back yet is
// tried again until it can. A decision is carried out also if
// ctx ends or the daemon is killed meanwhile.
//
// A folder that is stopped because its directory or the mark in it is missing is
// made anew, and all that was in it is what was held.
func (e *Engine) Resume(ctx context.Context, folder string, accept bool) (Resumed, error) {
	var out Resumed
	wrap := func(err error) error { return fmt.Errorf("resuming %s: %w", folder, err) }
	b := e.brakes.of(folder)
	if b == nil {
		return out, nil
	}
	if err := e.remake(ctx, b); err != nil {
		return out, wrap(err)
	}
	if !e.scans.over(folder) {
		// Only then is it known again what is held.
		if err := e.Look(ctx, folder); err != nil {
			return out, wrap(err)
		}
	}
	if err := e.awaitJudgement(ctx, b); err != nil {
		return out, wrap(err)
	}
	e.recheck(b)
	decision := decideUndo
	if accept {
		decision = decideAccept
	}
	e.brakes.mu.Lock()
	if !b.Held() {
		e.brakes.mu.Unlock()
		return out, nil
	}
	if b.state.Decision != "" && b.state.Decision != decision {
		e.brakes.mu.Unlock()
		return out, wrap(ErrDeciding)
	}
	b.count()
	out.Files, out.Emptied = b.state.Files, b.state.Emptied
	if b.state.Decision == "" {
		b.state.Decision, b.state.Names, b.lost = decision, names(b.Waiting()), nil
		if err := b.save(); err != nil {
			b.state.Decision, b.state.Names = "", nil
			e.brakes.mu.Unlock()
			return out, wrap(err)
		}
		b.pause = time.Time{}
	}
	if b.done == nil {
		b.done = make(chan struct{})
	}
	done := b.done
	e.brakes.mu.Unlock()
	e.brakes.nudge()
	select {
	case <-done:
	case <-ctx.Done():
		return out, ctx.Err()
	}
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	out.Lost, out.Left = b.lost, b.left
	return out, nil
}

// remake makes the directory of a folder, and the mark in it, where they are
// missing. What was in it is held then, whether it is much or little.
func (e *Engine) remake(ctx context.Context, b *braked) error {
	cfg, ok := e.cfg.Folder(b.id)
	if !ok {
		return nil
	}
	if err := cfg.CheckPath(); !IsAway(err) {
		return nil
	}
	e.brakes.mu.Lock()
	if !b.Held() {
		b.hold(time.Now(), e.filesIn(b.id))
	}
	e.brakes.mu.Unlock()
	if err := cfg.CreateRoot(); err != nil {
		return err
	}
	if err := cfg.CreateMarker(); err != nil {
		return err
	}
	return e.Look(ctx, b.id)
}

// IsAway reports whether a folder is stopped because its directory is missing, or
// another one is in its place.
func IsAway(err error) bool {
	return errors.Is(err, config.ErrPathMissing) || errors.Is(err, config.ErrMarkerMissing)
}

// awaitJudgement returns when it is known whether what vanished is held.
func (e *Engine) awaitJudgement(ctx context.Context, b *braked) error {
	for {
		e.brakes.mu.Lock()
		judging := !b.Held() && len(b.Waiting()) > 0
		e.brakes.mu.Unlock()
		if !judging {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(brakePause / 4):
		}
	}
}

// ExpectLosses has files of a folder, by their paths within it, pass however many
// they are when they vanish, since somebody has asked for that, until done is called.
// That has to be after a scan that finds them gone. What has vanished already is not
// what was asked for: it waits, or is held, as before.
func (e *Engine) ExpectLosses(folder string, paths []string) (done func()) {
	b := e.brakes.of(folder)
	if b == nil {
		return func() {}
	}
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	expected := make([]string, 0, len(paths))
	for _, path := range paths {
		if name := filepath.FromSlash(path); !b.Lost(name) {
			expected = append(expected, name)
		}
	}
	b.expect(expected)
	return func() {
		e.brakes.mu.Lock()
		defer e.brakes.mu.Unlock()
		b.Disallow(time.Now(), expected)
		b.vanished(time.Now(), expected)
		for _, name := range expected {
			if !b.Lost(name) {
				b.Back(name) // it does not count
			}
		}
	}
}
