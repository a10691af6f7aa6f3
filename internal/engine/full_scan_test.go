package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"

	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/ignores"
)

// While a scan of everything is under way, files are left out of listings if they are as
// the index has them, and no others.
func TestScansSeeWhatHasChanged(t *testing.T) {
	dir := t.TempDir()
	cfg := config.FolderConfiguration{ID: "f", FilesystemType: filesystemType, CaseSensitiveFS: true, Path: dir}
	fsys := cfg.Filesystem()
	store := newMapStore()
	names := []string{"same", "also same", "content", "mode", "time", "gone", "kind", "link", "ignored", "flagged", "deleted", "de\u0301composed", "again", "left/keep"}
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(in("left"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(in(name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		info, err := fsys.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := scanner.CreateFileInfo(info, name, fsys, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.Version = counted(1)
		switch name {
		case "flagged":
			f.LocalFlags = protocol.FlagLocalMustRescan
		case "deleted":
			f.SetDeleted(1)
		}
		if err := store.Update("f", protocol.LocalDeviceID, []protocol.FileInfo{f}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(in("content"), []byte("other"), 0o644), os.Chmod(in("mode"), 0o600), os.Chtimes(in("time"), time.Now(), time.Now().Add(-time.Hour)),
		os.Remove(in("gone")), os.Remove(in("kind")), os.Mkdir(in("kind"), 0o755), os.Remove(in("link")), os.Symlink("same", in("link")),
		os.WriteFile(in("new"), nil, 0o644), os.WriteFile(in(ignores.SharedName), []byte("ignored\n!/left/keep\n/left\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := store.PutKV(mtimesKey+"f", []byte(noMtimes)); err != nil {
		t.Fatal(err)
	}
	root := filepath.Clean(dir)
	patterns := &ignoring{root: root, files: ignores.Open(root, filepath.Join(t.TempDir(), "ignores"))}
	patterns.kept = openKept(patterns, filepath.Join(t.TempDir(), "kept"))
	ignorings.Store(root, patterns)
	l := over(store)
	fullScans.Store(root, &fullScan{cfg, l})
	t.Cleanup(func() { fullScans.Delete(root); ignorings.Delete(root) })

	list := func(dir string) []string {
		t.Helper()
		got, err := fsys.DirNames(dir)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		return got
	}
	entries := func() (out []string) {
		all, _ := l.AllLocalFilesWithPrefix("f", protocol.LocalDeviceID, "")
		for f := range all {
			out = append(out, f.Name)
		}
		slices.Sort(out)
		return out
	}
	want := []string{ignores.SharedName, "content", "de\u0301composed", "deleted", "flagged", "ignored", "kind", "left", "link", "mode", "new", "time"}
	slices.Sort(want)
	if got := list("."); !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	// The directory is kept out by now, and the file in it is what keeps it in.
	if got := list("left"); !slices.Equal(got, []string{"keep"}) {
		t.Errorf("listed %q in a directory that is kept out", got)
	}
	// The scan had to begin anew, and a file went before that.
	if err := os.Remove(in("again")); err != nil {
		t.Fatal(err)
	}
	if got := list("."); !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	// Something was written meanwhile.
	if err := l.Update("f", protocol.LocalDeviceID, []protocol.FileInfo{{Name: "also same", Version: counted(2)}}); err != nil {
		t.Fatal(err)
	}
	below, _ := l.below("f", "")
	if n := len(slices.Collect(below)); n != len(names) {
		t.Errorf("others see %d entries of %d", n, len(names))
	}
	if got := entries(); slices.Contains(got, "same") || !slices.Contains(got, "again") || len(got) != len(names)-1 {
		t.Errorf("the scan goes through %q", got)
	}
	// It is over: what is listed now is for somebody else, until the next.
	if got := list("left"); !slices.Equal(got, []string{"keep"}) {
		t.Errorf("listed later: %q", got)
	}
	if got := entries(); len(got) != len(names) {
		t.Errorf("without a scan of everything, %q are gone through", got)
	}
	if got := list("."); slices.Contains(got, "same") || !slices.Contains(got, "also same") {
		t.Errorf("the next scan lists %q", got)
	}
	var many []protocol.FileInfo
	for i := range maxAsked + 1 {
		many = append(many, protocol.FileInfo{Name: fmt.Sprint("many/", i), Version: counted(2)})
	}
	if err := l.Update("f", protocol.LocalDeviceID, many); err != nil {
		t.Fatal(err)
	}
	if n := store.asked; len(entries()) != len(names)+len(many) || store.asked > n {
		t.Errorf("%d questions after much was written", store.asked-n)
	}
}

// Nothing is missed by a scan of everything, after a start or later, whatever has happened
// before: one that is shown all files finds nothing more.
func TestScansMissNothing(t *testing.T) {
	seed := botsynctest.Seed(t)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	identity, err := CreateIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	root := filepath.Join(dir, "shared")
	options := Options{Dir: filepath.Join(dir, "engine"), Identity: identity}
	settings := Settings{Name: "me", LANOnly: true, Folders: []Folder{{ID: "n-shared", Name: "shared", Path: root, Ignores: true}}}

	sequence := func(e *Engine) int64 {
		_, n, err := e.Index("n-shared")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	scan := func(e *Engine) {
		t.Helper()
		if err := e.model.ScanFolder("n-shared"); err != nil {
			t.Fatal(err)
		}
	}
	missesNothing := func(e *Engine, what string) {
		t.Helper()
		before := sequence(e)
		v, _ := fullScans.Load(filepath.Clean(root))
		fullScans.Store(filepath.Clean(root), &fullScan{v.(*fullScan).cfg, showsAll{e.db}})
		scan(e)
		fullScans.Store(filepath.Clean(root), v)
		if after := sequence(e); after != before {
			missed, _ := e.db.AllLocalFilesBySequence("n-shared", protocol.LocalDeviceID, before+1, 0)
			t.Fatalf("%s has missed something: %v", what, slices.Collect(missed))
		}
	}
	for range 15 {
		e, err := Open(ctx, options, settings)
		if err != nil {
			t.Fatal(err)
		}
		botsynctest.Await(t, "the first scan", func() bool { return e.scans.over("n-shared") })
		turn := e.turns.of("n-shared")
		turn <- struct{}{} // nobody else looks
		missesNothing(e, "the first scan")
		for range 3 {
			for range 1 + random.IntN(15) {
				disturb(random, root)
			}
			scan(e)
			missesNothing(e, "a later scan")
		}
		<-turn
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		for range 1 + random.IntN(30) {
			disturb(random, root)
		}
	}
}

// A directory that is kept out, and holds what is not, does not change with each scan.
func TestScansComeToRest(t *testing.T) {
	dir := t.TempDir()
	identity, err := CreateIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "shared")
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755), os.WriteFile(filepath.Join(root, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("a/b/x", "kept in")
	write("a/c", "kept out")
	write("a b", "between them, in most orders")
	write(ignores.SharedName, "!/a/b\n/a\n")
	e, err := Open(t.Context(), Options{Dir: filepath.Join(dir, "engine"), Identity: identity},
		Settings{Name: "me", LANOnly: true, Folders: []Folder{{ID: "n-shared", Name: "shared", Path: root, Ignores: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	botsynctest.Await(t, "the first scan", func() bool { return e.scans.over("n-shared") })
	// It gets into the index after what is in it.
	if err := errors.Join(e.model.ScanFolder("n-shared"), os.Chmod(filepath.Join(root, "a"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for round, last := 0, int64(-1); ; round++ {
		if err := e.model.ScanFolder("n-shared"); err != nil {
			t.Fatal(err)
		}
		_, sequence, err := e.Index("n-shared")
		if err != nil {
			t.Fatal(err)
		}
		if sequence == last {
			break
		}
		if round == 5 {
			t.Fatal("each scan finds something")
		}
		last = sequence
	}
	f, ok, err := e.db.GetDeviceFile("n-shared", protocol.LocalDeviceID, "a")
	if err != nil || !ok || f.IsInvalid() {
		t.Errorf("%v, %v, %v", f, ok, err)
	}
}

// What is in a directory follows it.
func TestByPath(t *testing.T) {
	t.Parallel()
	names := []string{"a", "a/b", "a/b/c", "a/\x01", "a b", "a!", "a-", "ab", "b"}
	for i := range names {
		names[i] = filepath.FromSlash(names[i])
	}
	want := []string{"a", "a/\x01", "a/b", "a/b/c", "a b", "a!", "a-", "ab", "b"}
	slices.SortFunc(names, byPath)
	for i := range names {
		if filepath.ToSlash(names[i]) != want[i] {
			t.Errorf("%q, want %q", names, want)
			break
		}
	}
}

// showsAll has a scan shown all files.
type showsAll struct{ fullScanIndex }

func (showsAll) seenAs(string, string, func(protocol.FileInfo) bool) bool { return false }

// disturb does something to a folder of which nobody is told. It may fail.
func disturb(random *rand.Rand, root string) {
	name := func() string {
		parts := make([]string, 1+random.IntN(3))
		for i := range parts {
			parts[i] = []string{"a", "b", "c", "d", ".git", "x.log", "two words", "\u00e9"}[random.IntN(8)]
		}
		return filepath.Join(root, filepath.Join(parts...))
	}
	path := name()
	switch random.IntN(12) {
	case 0, 1, 2, 3:
		_ = os.MkdirAll(filepath.Dir(path), 0o755)
		_ = os.WriteFile(path, []byte(strings.Repeat("x", random.IntN(5))), 0o644)
	case 4:
		for i := range 40 {
			_ = os.MkdirAll(path, 0o755)
			_ = os.WriteFile(filepath.Join(path, fmt.Sprint(i)), []byte(fmt.Sprint(i)), 0o644)
		}
	case 5:
		_ = os.RemoveAll(path)
	case 6:
		_ = os.Rename(path, name())
	case 7:
		_ = os.Chmod(path, []os.FileMode{0o755, 0o700, 0o644, 0o600}[random.IntN(4)])
	case 8:
		at := time.Unix(random.Int64N(2e9), 0)
		_ = os.Chtimes(path, at, at)
	case 9:
		_ = os.Symlink("a", path)
	case 10:
		_ = os.Remove(path)
		_ = os.Mkdir(path, 0o755)
	case 11:
		lines := []string{"a", "/b", "!/a/b", "*.log", "!keep", "/c/**", "d/", "!/c/d", "# nothing"}
		random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		file := []string{ignores.SharedName, ignores.LocalName}[random.IntN(2)]
		_ = os.WriteFile(filepath.Join(root, file), []byte(strings.Join(lines[:random.IntN(4)], "\n")), 0o644)
	}
}
