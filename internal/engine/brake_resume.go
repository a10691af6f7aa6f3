package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/brake"
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
	Gone     int       // of them: not moved
	Names    []string  // the first of them, slash-separated
	Deciding bool      // a decision is being carried out
	Resting  bool      // the folder only receives now: what is held does not travel anyway
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
	if b.Held() && b.state.Decision == "" && b.looked && !b.resting {
		b.count(b.Waiting())
	}
	out := b.state.brake(b.Held())
	out.Judging = !b.Held() && !b.resting && len(b.Waiting()) > 0
	return out
}

func (s brakeState) brake(held bool) Brake {
	// Files that came later may be held as well.
	return Brake{Held: held, Since: s.Since, Files: s.Files, Emptied: s.Emptied, Of: max(s.Of, s.Files), Passed: s.Passed, Gone: s.Gone, Names: s.First,
		Deciding: held && s.Decision != "", Resting: held && s.Resting, Outcome: s.Outcome}
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
	// Left counts what the decision was not carried out for yet: that is held until it
	// is, by itself. Why says what it waits for, nil if there is nothing left.
	Left int
	Why  error
}

var (
	// ErrDeciding says that something else has been decided already.
	ErrDeciding = errors.New("another decision is being carried out")
	// ErrRests says that nobody can be told of what vanished: the folder only receives.
	ErrRests = errors.New("the folder only receives")
	// ErrInUse says that an empty file is in the way of one that is to come back.
	ErrInUse = errors.New("empty files are in the way that are in use, or cannot be put aside")
	// ErrBusy says that a folder is being looked at or written to.
	ErrBusy = errors.New("the folder is being looked at or written to")
)

// Resume ends that a folder is held: what was lost is told to the peers, or is
// brought back from them. It returns when they have been told, or when what is
// missing is known to be: it comes after that. What cannot be done yet is tried again
// until it can be, and is what is left. A decision is carried out also if ctx ends or
// the daemon is killed meanwhile; if the error is that of ctx, nothing was decided.
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
	if accept && e.rests(b) {
		return out, wrap(ErrRests)
	}
	if err := e.remake(b); err != nil {
		return out, wrap(err)
	}
	// Only then is it known again what is held.
	if err := e.lookOnce(ctx, b); err != nil {
		return out, wrap(err)
	}
	if err := e.awaitJudgement(ctx, b); err != nil {
		return out, wrap(err)
	}
	losses, err := e.missing(b)
	if err != nil {
		return out, wrap(err)
	}
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
	if accept && b.resting {
		e.brakes.mu.Unlock()
		return out, wrap(ErrRests)
	}
	b.count(losses)
	out.Files, out.Emptied = b.state.Files, b.state.Emptied
	if b.state.Decision == "" {
		b.state.Decision, b.state.Names, b.lost = decision, names(losses), nil
		if err := b.save(); err != nil {
			b.state.Decision, b.state.Names = "", nil
			e.brakes.mu.Unlock()
			return out, wrap(err)
		}
	}
	b.pause = time.Time{} // it may be possible by now
	if b.done == nil {
		b.done = make(chan struct{})
	}
	done := b.done
	e.brakes.mu.Unlock()
	e.brakes.nudge()
	why := ErrBusy
	select {
	case <-done:
		why = nil
	case <-ctx.Done():
	}
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	if why == nil {
		why = b.why
	}
	if errors.Is(why, ErrRests) {
		return out, wrap(why)
	}
	out.Lost, out.Why = b.lost, why
	if out.Left = b.left; why != nil && !errors.Is(why, ErrInUse) {
		out.Left = countFiles(b.state.Names, losses)
	}
	return out, nil
}

// countFiles counts those of some names that are not directories' among losses.
func countFiles(names []string, losses []brake.Loss) (n int) {
	directories := map[string]bool{}
	for _, l := range losses {
		directories[l.Name] = l.Directory
	}
	for _, name := range names {
		if !directories[name] {
			n++
		}
	}
	return n
}

// put has what was decided, and begun to be carried out at start, tried again later.
func (b *braked) put(why error, start, now time.Time) {
	if why == nil {
		why = ErrBusy
	}
	b.pause = retryAt(start, now)
	b.answer(why)
}

// remake makes the directory of a folder, and the mark in it, where they are
// missing. What was in it is held then, whether it is much or little.
func (e *Engine) remake(b *braked) error {
	cfg, ok := e.cfg.Folder(b.id)
	if !ok {
		return nil
	}
	if err := cfg.CheckPath(); !IsAway(err) {
		return nil
	}
	e.brakes.mu.Lock()
	if !b.Held() {
		now := time.Now()
		b.hold(now, e.filesIn(b.id), e.brakes.arrivals.Contents(now))
	}
	b.looked = false // it is not known what is missing before the look that follows
	e.brakes.mu.Unlock()
	if err := cfg.CreateRoot(); err != nil {
		return err
	}
	return cfg.CreateMarker()
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
		judging := !b.Held() && !b.resting && len(b.Waiting()) > 0
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
	if b == nil || e.rests(b) {
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

// maxSources is how many missing files are asked for who has them, per folder.
const maxSources = 200

// Sources reports whether a peer that is connected has some of what this device lacks
// in the folders. Only the first of many are asked for.
func (e *Engine) Sources(folders []string) (bool, error) {
	for _, folder := range folders {
		devices, err := e.db.ListDevicesForFolder(folder)
		if err != nil {
			return false, fmt.Errorf("looking for who has what is missing: %w", err)
		}
		devices = slices.DeleteFunc(slices.Clone(devices), func(d protocol.DeviceID) bool { return !e.Connected(d.String()) })
		files, err := collect(e.db.AllNeededGlobalFiles(folder, protocol.LocalDeviceID, config.PullOrderAlphabetic, maxSources, 0))
		if err != nil {
			return false, fmt.Errorf("looking for who has what is missing: %w", err)
		}
		for _, f := range files {
			// A deletion needs nobody.
			if f.Deleted || f.IsDirectory() {
				return true, nil
			}
			for _, device := range devices {
				if theirs, ok, err := e.db.GetDeviceFile(folder, device, f.Name); err == nil && ok && !theirs.IsInvalid() && theirs.Version.Equal(f.Version) {
					return true, nil
				}
			}
		}
		if len(files) == maxSources && len(devices) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// Vanished reports whether a file, or some of what is below a directory, "." for all
// of the folder, is gone or empty here while the index has it still, and whether that
// is held.
func (e *Engine) Vanished(folder, path string) (vanished, held bool) {
	b := e.brakes.of(folder)
	if b == nil {
		return false, false
	}
	name := filepath.FromSlash(path)
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	vanished = path == "." && len(b.Waiting()) > 0 || b.Lost(name)
	for _, l := range b.Waiting() {
		if vanished {
			break
		}
		vanished = strings.HasPrefix(l.Name, name+string(filepath.Separator))
	}
	return vanished, vanished && b.Held() && b.state.Decision == ""
}
