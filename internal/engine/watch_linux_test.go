package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"

	"github.com/botsync/botsync/internal/watch"
)

// watching is a watched directory whose scans the test sees.
type watching struct {
	*watched
	dir   string
	busy  atomic.Pointer[func() bool] // whether a pull goes on; nil says that none does
	scans chan []string
	ended chan struct{}
}

func newWatching(t *testing.T, missed bool, answer func() error) *watching {
	t.Helper()
	g := &watching{dir: t.TempDir(), scans: make(chan []string), ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	o := &opener{}
	g.watched = &watched{
		cfg:   config.FolderConfiguration{ID: "id", FilesystemType: filesystemType, CaseSensitiveFS: true, Path: g.dir},
		index: fakeIndex{}, opener: o, restart: make(chan struct{}, 1), pulled: make(chan struct{}, 1),
		queue: watch.NewQueue(settle), pause: time.Millisecond,
		pulling: func(string) bool {
			busy := g.busy.Load()
			return busy != nil && (*busy)()
		},
		scan: func(_ string, paths []string) error {
			select {
			case g.scans <- paths:
				return answer()
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
	first := g.open(ctx)
	go func() {
		defer close(g.ended)
		g.run(ctx, first, missed)
	}()
	t.Cleanup(func() {
		cancel()
		<-g.ended
		o.close()
	})
	return g
}

func well() error { return nil }

// await returns the next scan of a path, or of all.
func (g *watching) await(t *testing.T, path string) []string {
	t.Helper()
	for end := time.After(20 * time.Second); ; {
		select {
		case paths := <-g.scans:
			if paths == nil || slices.Contains(paths, path) {
				return paths
			}
		case <-end:
			t.Fatalf("%s was not scanned", path)
		}
	}
}

func TestWatchScansWhatWasClosed(t *testing.T) {
	t.Parallel()
	g := newWatching(t, false, well)
	must(t, os.WriteFile(filepath.Join(g.dir, "a"), nil, 0o644))
	if paths := g.await(t, "a"); !slices.Equal(paths, []string{"a"}) {
		t.Errorf("scanned %q", paths)
	}
}

func TestWatchLooksAtAllItMissed(t *testing.T) {
	t.Parallel()
	g := newWatching(t, true, well)
	if paths := <-g.scans; paths != nil {
		t.Errorf("scanned %q, want everything", paths)
	}
	g.restart <- struct{}{}
	if paths := <-g.scans; paths != nil {
		t.Errorf("scanned %q after a restart, want everything", paths)
	}
}

func TestAFailedScanIsTriedAgain(t *testing.T) {
	t.Parallel()
	failures := 3
	g := newWatching(t, false, func() error {
		if failures--; failures >= 0 {
			return errors.New("not now")
		}
		return nil
	})
	must(t, os.WriteFile(filepath.Join(g.dir, "a"), nil, 0o644))
	for range 4 {
		g.await(t, "a")
	}
}

// New patterns mean other directories to watch.
func TestNewPatternsAreHeeded(t *testing.T) {
	t.Parallel()
	g := newWatching(t, false, well)
	must(t, os.WriteFile(filepath.Join(g.dir, ".stignore"), []byte("ignored\n"), 0o644), os.WriteFile(filepath.Join(g.dir, "a"), nil, 0o644))
	if paths := g.await(t, "a"); paths != nil { // it watched anew
		t.Errorf("scanned %q", paths)
	}
	must(t, os.WriteFile(filepath.Join(g.dir, "ignored"), nil, 0o644), os.WriteFile(filepath.Join(g.dir, "b"), nil, 0o644))
	if paths := g.await(t, "b"); !slices.Equal(paths, []string{"b"}) {
		t.Errorf("scanned %q", paths)
	}
}

// Nothing is scanned while a pull goes on, since what it writes is not in the
// index yet.
func TestPullsAreWaitedFor(t *testing.T) {
	t.Parallel()
	g := newWatching(t, false, well)
	asked, over := make(chan struct{}), make(chan struct{})
	pulled := false
	busy := func() bool {
		if !pulled {
			asked <- struct{}{}
			<-over
			g.index.(fakeIndex).take(t, g.cfg.Filesystem(), "pulled")
			pulled = true
			return true
		}
		return false
	}
	g.busy.Store(&busy)
	g.watched.pulled <- struct{}{}
	must(t, os.WriteFile(filepath.Join(g.dir, "pulled"), nil, 0o644))
	<-asked
	close(over)
	must(t, os.WriteFile(filepath.Join(g.dir, "own"), nil, 0o644))
	if paths := g.await(t, "own"); slices.Contains(paths, "pulled") {
		t.Errorf("scanned %q", paths)
	}
}

// A listing leaves out what is being written; asked for by name it is there.
func TestListingsLeaveOutUnfinishedFiles(t *testing.T) {
	t.Parallel()
	g := newWatching(t, false, well)
	fsys := g.cfg.Filesystem()
	list := func() []string {
		names, err := fsys.DirNames(".")
		must(t, err)
		slices.Sort(names)
		return names
	}
	f, err := os.Create(filepath.Join(g.dir, "unfinished"))
	must(t, err, os.Mkdir(filepath.Join(g.dir, "dir"), 0o755))
	if got := list(); !slices.Equal(got, []string{"dir"}) {
		t.Errorf("listed %q", got)
	}
	if _, err := fsys.Lstat("unfinished"); err != nil {
		t.Error(err)
	}
	must(t, f.Close())
	if got := list(); !slices.Equal(got, []string{"dir", "unfinished"}) {
		t.Errorf("listed %q", got)
	}
}
