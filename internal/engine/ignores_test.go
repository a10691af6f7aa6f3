package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/ignore"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/ignores"
)

// What package ignores says of a path is what Syncthing does with it.
func TestSetsDecideAsSyncthingDoes(t *testing.T) {
	t.Parallel()
	names := rapid.SampledFrom([]string{"a", "b", "A", "é", "x.log", ".git", ".env", ".env.local", ".env.example", "node_modules", "deep", "keep.log", "\u00c9"})
	paths := rapid.Map(rapid.SliceOfN(names, 1, 4), func(p []string) string { return strings.Join(p, "/") })
	lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		body := rapid.OneOf(paths, rapid.SampledFrom([]string{"*.log", "*", "**", "a/**/b", "[ab]", "?", "{a,b}", "a*", "!", "deep/", "/deep/**", "**/a", "\\a", ".*", ".env.*", "é*"})).Draw(t, "body")
		return rapid.SampledFrom([]string{"", "", "!", "/", "!/", "(?i)", "!(?i)"}).Draw(t, "prefix") + body
	}), 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		local, _ := ignores.ParseLocal([]byte(strings.Join(lines.Draw(t, "local"), "\n")), nil)
		shared, _ := ignores.ParseShared([]byte(strings.Join(lines.Draw(t, "shared"), "\n")))
		set := ignores.New(local, shared)
		m := ignore.New(fs.NewFilesystem(fs.FilesystemTypeFake, "x"))
		if err := m.Parse(strings.NewReader(set.Text()), ignores.LocalName); err != nil {
			t.Fatalf("Syncthing cannot read the set: %v\n%s", err, set.Text())
		}
		for range 20 {
			name := paths.Draw(t, "path")
			got, want := set.Match(name), m.Match(norm.NFC.String(name))
			deletable := got.Ignored && got.Rule.Deletable
			if got.Ignored != want.IsIgnored() || got.Whole != want.CanSkipDir() || deletable != want.IsDeletable() {
				t.Fatalf("%q: ignored %v, whole %v, deletable %v; Syncthing: %v\n%s", name, got.Ignored, got.Whole, deletable, want, set.Text())
			}
		}
	})
}

// ignoringFolder is a folder with patterns, as Syncthing sees it.
func ignoringFolder(t *testing.T, files ...string) (dir string, fsys fs.Filesystem, i *ignoring) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range files {
		must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755), os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	i = &ignoring{root: dir, files: ignores.Open(dir, "")}
	i.kept = openKept(i, filepath.Join(t.TempDir(), "kept"))
	ignorings.Store(dir, i)
	t.Cleanup(func() { ignorings.Delete(dir) })
	cfg := config.FolderConfiguration{ID: "id", FilesystemType: filesystemType, CaseSensitiveFS: true, Path: dir}
	return dir, cfg.Filesystem(), i
}

// Syncthing is handed the patterns of all files as if they stood in its own, and
// notices when they change.
func TestSyncthingIsHandedThePatterns(t *testing.T) {
	t.Parallel()
	dir, fsys, _ := ignoringFolder(t)
	m := ignore.New(fsys)
	matches := func(want string) {
		t.Helper()
		must(t, m.Load(ignores.LocalName))
		var got []string
		for _, name := range []string{"a", "b", ".env"} {
			if m.Match(name).IsIgnored() {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%v is ignored, want %s", got, want)
		}
	}
	matches(".env")
	must(t, os.WriteFile(filepath.Join(dir, ignores.SharedName), []byte("a\n"), 0o600))
	matches("a .env")
	must(t, os.WriteFile(filepath.Join(dir, ignores.LocalName), []byte("b\n!.env\n"), 0o600))
	matches("a b")
	before := m.Hash()
	must(t, os.WriteFile(filepath.Join(dir, ignores.SharedName), []byte("a\n#include ../../etc/passwd\n"), 0o600))
	matches("a b")
	if m.Hash() != before {
		t.Error("a file that cannot be used changes something")
	}
}

// A directory that is kept for a repository is seen by nobody, until something
// appears in it that syncs, or until it holds nothing that is kept out.
func TestKeptDirectories(t *testing.T) {
	t.Parallel()
	dir, fsys, i := ignoringFolder(t, "a/.git/config", "a/sub/.env", "a/.DS_Store", "b/.git/x", "b/file", "c/file", "d/.git/x")
	if hidden := i.kept.keep([]string{"a", "a/sub", "b", "c", "missing", "d"}); !slices.Equal(hidden, []string{"a", "a/sub", "d"}) {
		t.Fatalf("%q is hidden", hidden)
	}
	sees := func(want ...string) {
		t.Helper()
		names, err := fsys.DirNames(".")
		must(t, err)
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("%q is listed, want %q", names, want)
		}
		for _, n := range []string{"a", "b", "c", "d"} {
			if _, err := fsys.Lstat(n); (err == nil) != slices.Contains(want, n) || err != nil && !fs.IsNotExist(err) {
				t.Errorf("%s: %v", n, err)
			}
		}
	}
	sees("b", "c")
	if kept := i.kept.list(); len(kept) != 3 || kept[0].Path != "a" || kept[0].Holds != "a/.git" || kept[0].Rule.Class != ignores.VCS ||
		kept[1].Holds != "a/sub/.env" {
		t.Errorf("%+v", kept)
	}

	// After a restart too.
	again := openKept(i, i.kept.path)
	i.kept = again
	sees("b", "c")

	// Something to sync appears in it.
	must(t, os.WriteFile(filepath.Join(dir, "a/sub/new"), nil, 0o644))
	if shown := i.kept.above("a/sub/new"); !slices.Equal(shown, []string{"a/sub", "a"}) {
		t.Errorf("%q is to be looked at", shown)
	}
	sees("a", "b", "c")

	// A peer makes it again.
	must(t, fsys.Mkdir("d", 0o700))
	sees("a", "b", "c", "d")
	if kept := i.kept.list(); len(kept) != 0 {
		t.Errorf("%+v", kept)
	}

	// What it held goes.
	must(t, os.MkdirAll(filepath.Join(dir, "e/.git"), 0o755))
	i.kept.keep([]string{"e"})
	sees("a", "b", "c", "d")
	must(t, os.Remove(filepath.Join(dir, "e/.git")))
	sees("a", "b", "c", "d", "e")
}

// What is precious is not removed for Syncthing, wherever it is.
func TestPreciousFilesAreSpared(t *testing.T) {
	t.Parallel()
	dir, fsys, _ := ignoringFolder(t, "node_modules/a/.env.local", "node_modules/a/index.js", "file", ".botsyncignore")
	for name, want := range map[string]bool{"node_modules/a/.env.local": true, "node_modules/a/index.js": false, "file": false} {
		err := fsys.Remove(name)
		if _, gone := os.Lstat(filepath.Join(dir, name)); (err != nil) != want || (gone == nil) != want {
			t.Errorf("%s: %v, %v", name, err, gone)
		}
	}
}

// Both counts of a change of patterns are of the files that are there then.
func TestCountsOfOtherPatternsAreOfTheSameFiles(t *testing.T) {
	t.Parallel()
	dir, _, i := ignoringFolder(t, ".env", "a.log", "b.log")
	recount := func(n, before int) {
		t.Helper()
		i.count.note()
		i.count.next = i.count.next.AddDate(-1, 0, 0)
		if !i.recount(t.Context(), time.Now()) || i.count.n != n || i.before != before {
			t.Errorf("%d are kept out, %d before; want %d and %d", i.count.n, i.before, n, before)
		}
	}
	recount(1, -1)
	must(t, os.Mkdir(filepath.Join(dir, "node_modules"), 0o700),
		os.WriteFile(filepath.Join(dir, ignores.SharedName), []byte("*.log\n!node_modules\n"), 0o600))
	recount(3, 2)
	recount(3, -1)
}

func TestIgnoredIsCounted(t *testing.T) {
	t.Parallel()
	dir, _, i := ignoringFolder(t, ".env", "node_modules/a", "node_modules/b", "file")
	count := func(want int) {
		t.Helper()
		i.count.next = i.count.next.AddDate(-1, 0, 0)
		i.recount(context.Background(), i.count.at.AddDate(2000, 0, 0))
		if i.count.n != want {
			t.Errorf("%d is kept out, want %d", i.count.n, want)
		}
	}
	count(2)
	must(t, os.Mkdir(filepath.Join(dir, ".git"), 0o700))
	count(3)
	// Not before its time, whatever is noticed.
	must(t, os.Mkdir(filepath.Join(dir, ".hg"), 0o700))
	i.count.note()
	i.count.next = i.count.at.AddDate(3000, 0, 0)
	i.recount(context.Background(), i.count.at.AddDate(1, 0, 0))
	if i.count.n != 3 || !i.count.stale {
		t.Errorf("counted too early: %d, %v", i.count.n, i.count.stale)
	}
}
