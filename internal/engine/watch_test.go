package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/ignore"
	"pgregory.net/rapid"
)

// gathering is a watch whose changes the test makes up and whose scans it sees.
type gathering struct {
	changes chan fs.Event
	failed  chan error
	scans   chan []string // what each scan is for
	results chan error    // what each scan comes to
	ended   chan error
	restart chan struct{}
}

func gatherIn(ctx context.Context, dir string, missed bool) *gathering {
	g := &gathering{
		changes: make(chan fs.Event), failed: make(chan error), scans: make(chan []string),
		results: make(chan error), ended: make(chan error, 1), restart: make(chan struct{}, 1),
	}
	ignores := ignore.New(fs.NewFilesystem(fs.FilesystemTypeBasic, dir))
	_ = ignores.Load(".stignore") // there is none
	w := &watch{cfg: config.FolderConfiguration{ID: "id"}, restart: g.restart, pause: time.Millisecond,
		scan: func(_ string, paths []string) error {
			select {
			case g.scans <- paths:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case err := <-g.results:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
	s := &source{changes: g.changes, failed: g.failed, ignores: ignores, hash: ignores.Hash()}
	go func() { g.ended <- w.gather(ctx, s, missed) }()
	return g
}

// Whatever is reported, and whenever it is, a scan for it begins afterwards; and
// there is never more than one at a time, which the unbuffered channels prove.
func TestEveryChangeIsScannedAfterItWasReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		g := gatherIn(ctx, dir, false)
		owed := map[string]bool{} // reported, and no scan for it has begun since
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "d", "d/e", "d/e/f", "."}), 1, 40).Draw(t, "changes")
		failures := rapid.IntRange(0, 1).Draw(t, "failures")
		var running []string
		busy := false
		settleOne := func(paths []string) {
			if paths == nil {
				clear(owed)
			}
			for _, p := range paths {
				delete(owed, p)
			}
			running, busy = paths, true
		}
		finish := func() {
			var err error
			if failures > 0 {
				failures--
				err = errors.New("not now")
				if running == nil {
					owed["."] = true
				}
				for _, p := range running {
					owed[p] = true
				}
			}
			g.results <- err
			busy = false
		}
		for _, name := range names {
			select {
			case g.changes <- fs.Event{Name: name}:
				owed[name] = true
			case paths := <-g.scans:
				settleOne(paths)
				g.changes <- fs.Event{Name: name} // it is taken during a scan, too
				owed[name] = true
			}
			if busy && rapid.Bool().Draw(t, "finish") {
				finish()
			}
		}
		for len(owed) > 0 || busy {
			if busy {
				finish()
				continue
			}
			select {
			case paths := <-g.scans:
				settleOne(paths)
			case err := <-g.ended:
				t.Fatalf("ended with %v, and %v were not scanned", err, owed)
			}
		}
		cancel()
		if err := <-g.ended; !errors.Is(err, context.Canceled) {
			t.Fatalf("ended with %v", err)
		}
	})
}

func TestWatchLooksAtAllItMissed(t *testing.T) {
	t.Parallel()
	g := gatherIn(t.Context(), t.TempDir(), true)
	if paths := <-g.scans; paths != nil {
		t.Errorf("scanned %q, want everything", paths)
	}
}

func TestWatchEndsWhenItFailsOrIsToRestart(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	g := gatherIn(t.Context(), t.TempDir(), false)
	g.failed <- broken
	if err := <-g.ended; !errors.Is(err, broken) {
		t.Errorf("ended with %v", err)
	}
	g = gatherIn(t.Context(), t.TempDir(), false)
	g.restart <- struct{}{}
	if err := <-g.ended; !errors.Is(err, errRewatch) {
		t.Errorf("ended with %v", err)
	}
}

func TestPathSet(t *testing.T) {
	t.Parallel()
	s := newPathSet()
	if !s.empty() {
		t.Error("a new set is not empty")
	}
	for _, p := range []string{"b", "a", "b"} {
		s.add(p)
	}
	got := s.take()
	slices.Sort(got)
	if !slices.Equal(got, []string{"a", "b"}) || !s.empty() {
		t.Errorf("took %q", got)
	}
	for i := range maxPaths + 1 {
		s.add(fmt.Sprint(i))
	}
	if s.empty() {
		t.Error("too many paths are none")
	}
	if got := s.take(); got != nil {
		t.Errorf("took %d paths, want everything", len(got))
	}
}

// A tree that is copied with its times changes directories right after what is
// in them. With Syncthing's aggregator that kept a processor busy for good.
func TestCopiedTreeIsScanned(t *testing.T) {
	t.Parallel()
	scans := 0
	g := gatherIn(t.Context(), t.TempDir(), false)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range 50 {
			d := fmt.Sprint("d", i)
			for _, name := range []string{d, d + "/f", d + "/f", d} {
				g.changes <- fs.Event{Name: name}
			}
		}
	}()
	owed := 50
	seen := map[string]bool{}
	for owed > 0 {
		for _, p := range <-g.scans {
			if !seen[p] && len(p) > 2 && p[len(p)-2:] == "/f" {
				seen[p] = true
				owed--
			}
		}
		g.results <- nil
		scans++
	}
	<-sent
	if scans > 4*50 {
		t.Errorf("%d scans for 200 changes", scans)
	}
}
