package engine

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/atomicfile"
	"github.com/botsync/botsync/internal/brake"
)

// The ways in which a hold ends.
const (
	BrakeAccepted = "accepted" // the peers were told
	BrakeUndone   = "undone"   // the files come back from the peers
	BrakeReturned = "returned" // the files are there again or were moved, or peers have deleted them as well
	brakeOff      = "off"      // the brake was turned off
)

// The decisions that end a hold.
const (
	decideAccept = "accept"
	decideUndo   = "undo"
)

// brakeState is what is kept of the latest hold of a folder. What is lost is not
// in it: the first scan after a start finds that again. But that it is held has to
// be, as fewer losses would pass, and so has a decision, until it is carried out.
type brakeState struct {
	Since    time.Time `json:"since"`
	Files    int       `json:"files"`   // that were lost then
	Emptied  int       `json:"emptied"` // of them: overwritten with nothing
	Of       int       `json:"of"`      // files that the folder had
	Passed   int       `json:"passed"`  // were lost before and told to the peers
	Gone     int       `json:"gone"`    // of them: not moved
	First    []string  `json:"first"`
	Decision string    `json:"decision,omitempty"`
	Names    []string  `json:"names,omitempty"` // that were decided
	Outcome  string    `json:"outcome,omitempty"`
	Resting  bool      `json:"resting,omitempty"` // the folder only received then
	Ended    time.Time `json:"ended,omitzero"`

	// Expected is what somebody has asked for to vanish, until a scan has found that
	// it has: a kill in between must not make a disaster of it.
	Expected []string `json:"expected,omitempty"`
}

func (e *Engine) brakePath(folder string) string {
	return filepath.Join(e.dir, brakePrefix+folder+".json")
}

const brakePrefix = "brake-"

// clearBrakes removes what was kept for folders that are there no more.
func (e *Engine) clearBrakes(folders []Folder) {
	known := map[string]bool{}
	for _, f := range folders {
		known[e.brakePath(f.ID)] = true
	}
	paths, _ := filepath.Glob(filepath.Join(e.dir, brakePrefix+"*.json"))
	for _, path := range paths {
		if !known[path] {
			_ = os.Remove(path)
		}
	}
	_ = os.Remove(filepath.Join(e.dir, "emptied")) // if there is nothing in it
}

// load continues with what was kept.
func (b *braked) load() {
	data, err := os.ReadFile(b.path)
	if err == nil {
		err = json.Unmarshal(data, &b.state)
	}
	switch {
	case os.IsNotExist(err):
		return
	case err != nil:
		// It is not known whether the folder was held, so it is.
		slog.Error("The state of a held folder cannot be read", "error", err)
		b.state = brakeState{Since: time.Now()}
	}
	if b.state.Outcome == "" && (err != nil || !b.state.Since.IsZero()) {
		b.Hold()
	}
	b.Allow(b.state.Expected)
	b.killed = make(map[string]bool, len(b.state.Expected))
	for _, name := range b.state.Expected {
		b.killed[name] = true
	}
}

// expect keeps what is expected to vanish from now on.
func (b *braked) expect(names []string) {
	if len(names) == 0 {
		return
	}
	b.state.Expected = append(b.state.Expected, names...)
	b.Allow(names)
	if err := b.save(); err != nil {
		slog.Error("It cannot be kept what is to vanish", "folder", b.root, "error", err)
	}
}

// vanished has losses that were expected pass without being counted, and no more of
// the same name. It is kept with the next expectation, or when there is none left.
func (b *braked) vanished(now time.Time, names []string) {
	if len(names) == 0 || len(b.state.Expected) == 0 {
		return
	}
	gone := make(map[string]bool, len(names))
	for _, name := range names {
		gone[name] = true
	}
	b.Disallow(now, names)
	b.state.Expected = slices.DeleteFunc(b.state.Expected, func(name string) bool { return gone[name] })
	if len(b.state.Expected) == 0 {
		if err := b.save(); err != nil {
			slog.Error("It cannot be kept that nothing is to vanish any more", "folder", b.root, "error", err)
		}
	}
}

func (b *braked) save() error {
	data, err := json.Marshal(b.state)
	if err != nil {
		return err
	}
	return atomicfile.Write(b.path, data, 0o600)
}

// hold holds what waits. If that cannot be kept it is held until the daemon ends. How
// much was moved is known now only: what arrived is forgotten, and so is all at a restart.
func (b *braked) hold(now time.Time, of int, arrived map[brake.Content]int) {
	b.state = brakeState{Since: now.UTC(), Passed: b.Passed(), Gone: b.Gone(arrived), Expected: b.state.Expected, Resting: b.resting}
	b.count(b.Waiting())
	b.state.Of = max(of, b.state.Files)
	b.Hold()
	b.checked = now
	if err := b.save(); err != nil {
		slog.Error("It cannot be kept that a folder is held", "folder", b.root, "error", err)
	}
}

// count counts what is held.
func (b *braked) count(losses []brake.Loss) {
	b.state.Files, b.state.Emptied, b.state.First = 0, 0, nil
	first := make([]string, 0, brakeNames)
	for _, l := range losses {
		if l.Directory {
			continue
		}
		b.state.Files++
		if l.Emptied {
			b.state.Emptied++
		}
		first = addFirst(first, filepath.ToSlash(l.Name))
	}
	b.state.First = first
}

// brakeNames is how many lost files are named.
const brakeNames = 5

// addFirst keeps the first names in order.
func addFirst(names []string, name string) []string {
	i := len(names)
	for i > 0 && strings.Compare(name, names[i-1]) < 0 {
		i--
	}
	if i >= brakeNames {
		return names
	}
	names = append(names[:i], append([]string{name}, names[i:]...)...)
	return names[:min(len(names), brakeNames)]
}

// end ends a hold.
func (b *braked) end(outcome string, now time.Time) {
	b.Resume(now)
	b.undo = nil
	b.state.Outcome, b.state.Ended, b.state.Decision, b.state.Names = outcome, now.UTC(), "", nil
	if err := b.save(); err != nil {
		slog.Error("It cannot be kept that a folder is held no more", "folder", b.root, "error", err)
	}
	b.left = 0
	b.answer(nil)
}

// answer has whoever has decided go on, and tells him why if it is not done yet.
func (b *braked) answer(why error) {
	b.why = why
	if b.done != nil {
		close(b.done)
		b.done = nil
	}
}

// leave reports whether some of what is to come back could not be made to: an empty
// file is being written to, or there is no room to keep it. Until it can, it is held.
// If it were not, the peers would be told of it.
func (b *braked) leave(decided []string) bool {
	left := slices.DeleteFunc(slices.Clone(decided), func(name string) bool { return !b.Lost(name) })
	if b.left = len(left); b.left == 0 {
		return false
	}
	if len(left) < len(decided) {
		b.state.Names = left
		if err := b.save(); err != nil {
			slog.Error("It cannot be kept what is left of a decision", "folder", b.root, "error", err)
		}
	}
	b.answer(ErrInUse)
	return true
}

func names(losses []brake.Loss) []string {
	out := make([]string, len(losses))
	for i, l := range losses {
		out[i] = l.Name
	}
	return out
}
