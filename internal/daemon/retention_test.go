package daemon

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
	"github.com/botsync/botsync/internal/root"
)

// keeping is a daemon that can do nothing but keep versions.
func keeping(t *testing.T, settings root.History) *daemon {
	t.Helper()
	r, _, err := root.Create(filepath.Join(t.TempDir(), "sync"), root.Config{Name: "me", History: settings})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := r.Config()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{root: r, config: cfg, retention: newRetention(), members: &members{self: "me"}, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	d.history = history.NewStore(r.VersionsDir(), d.retention.added)
	d.clock = rightClock(t)
	return d
}

func (d *daemon) lose(t *testing.T, name string, size int) {
	t.Helper()
	file := filepath.Join(d.root.Folder("shared"), name)
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.keepLoss(engine.Loss{Folder: "shared", Path: name, By: "MTJ5VA7", Deleted: true}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// While many files are deleted at once, the versions stay below their limit, and
// nobody looks at all of them for each.
func TestVersionsStayBelowTheirLimit(t *testing.T) {
	t.Parallel()
	d := keeping(t, root.History{MaxSize: "1MiB"})
	if err := d.sweepHistory(t.Context(), 0); err != nil { // as at the start
		t.Fatal(err)
	}
	sweeps := 0
	for i := range 300 { // of 10 KiB: three times as much as there is room for
		d.lose(t, fmt.Sprint(i), 10<<10)
		select {
		case <-d.retention.full:
			sweeps++
			if err := d.sweepHistory(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		default:
		}
		if d.retention.usage.Bytes > 1<<20 {
			t.Fatalf("%d bytes after %d files", d.retention.usage.Bytes, i)
		}
	}
	versions, err := d.history.Find(t.Context(), history.Query{Folder: "shared"})
	if err != nil || len(versions) != d.retention.count() || len(versions) < 90 || len(versions) > 102 {
		t.Errorf("%d versions, counted %d, %v", len(versions), d.retention.count(), err)
	}
	if last := versions[len(versions)-1]; last.Path != "299" {
		t.Errorf("the latest is %s", last.Path)
	}
	if sweeps < 10 || sweeps > 40 {
		t.Errorf("%d sweeps", sweeps)
	}
}

func TestRoomIsMadeAmongTheVersions(t *testing.T) {
	t.Parallel()
	d := keeping(t, root.History{})
	for i := range 20 {
		d.lose(t, fmt.Sprint(i), 1000)
	}
	if !d.makeRoom() || d.retention.count() > 18 || d.retention.count() < 15 {
		t.Errorf("%d versions are left", d.retention.count())
	}
	if d.makeRoom() {
		t.Error("twice in a moment")
	}
}

// What is being brought back stays, however full it gets by what it replaces.
func TestWhatIsBroughtBackIsNotRemoved(t *testing.T) {
	t.Parallel()
	d := keeping(t, root.History{MaxSize: "2MB"})
	for i := range 10 {
		d.lose(t, fmt.Sprint("wanted", i), 100_000)
	}
	wanted, err := d.history.Find(t.Context(), history.Query{Folder: "shared"})
	if err != nil {
		t.Fatal(err)
	}
	there := func() (n int) {
		for _, v := range wanted {
			if _, err := d.history.ByFile(v.File); err == nil {
				n++
			}
		}
		return n
	}
	first, second := d.history.Pin(wanted), d.history.Pin(wanted[:5])
	for i := range 30 {
		d.lose(t, fmt.Sprint("replaced", i), 100_000)
	}
	if err := d.sweepHistory(t.Context(), 0); err != nil || there() != 10 || d.retention.count() > 30 {
		t.Fatalf("%d of 10 are there, %d in all: %v", there(), d.retention.count(), err)
	}
	before := d.retention.count()
	if !d.makeRoom() || there() != 10 || d.retention.count() >= before {
		t.Errorf("%d of 10 are there, %d of %d in all", there(), d.retention.count(), before)
	}
	first()
	for range 2 {
		if err := d.sweepHistory(t.Context(), 1<<30); err != nil || there() != 5 {
			t.Errorf("%d are there: %v", there(), err)
		}
	}
	second()
	if err := d.sweepHistory(t.Context(), 1<<30); err != nil || there() != 0 || d.history.Pinned() != 0 {
		t.Errorf("%d are there: %v", there(), err)
	}
}

// The hidden folder of records has no history.
func TestRecordsAreNotKept(t *testing.T) {
	t.Parallel()
	d := keeping(t, root.History{})
	if err := d.keepLoss(engine.Loss{Folder: recordsFolder, Path: "devices/x.json"}); err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(d.root.VersionsDir()); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestHistoryLimits(t *testing.T) {
	t.Parallel()
	if l := keeping(t, root.History{Days: 7, MaxSize: "2GB"}).historyLimits(); l.Age != 7*24*time.Hour || l.Bytes != 2_000_000_000 {
		t.Errorf("%+v", l)
	}
	d := keeping(t, root.History{})
	total, err := engine.Total(d.root.StateDir())
	if err != nil {
		t.Fatal(err)
	}
	if l := d.historyLimits(); l.Age != 30*24*time.Hour || l.Bytes > historyBytes || l.Bytes > int64(total/10) || l.Bytes <= 0 {
		t.Errorf("%+v of %d bytes", l, total)
	}
}

// A tenth of the disk, and 10 GB at most.
func TestHistorySize(t *testing.T) {
	t.Parallel()
	const gb = 1_000_000_000
	for total, want := range map[uint64]int64{0: 10 * gb, 1000: 100, 50 * gb: 5 * gb, 100 * gb: 10 * gb, 101 * gb: 10 * gb, 4000 * gb: 10 * gb} {
		if got := historySize(total); got != want {
			t.Errorf("of a disk of %d bytes %d, want %d", total, got, want)
		}
	}
}
