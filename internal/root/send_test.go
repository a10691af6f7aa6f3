//go:build unix

package root

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/needs"
)

func TestNumbered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		n     int
		isDir bool
		want  string
	}{
		{"report.md", 1, false, "report.md"},
		{"report.md", 2, false, "report-2.md"},
		{"report", 3, false, "report-3"},
		{"data.tar.gz", 2, false, "data-2.tar.gz"},
		{"data.v2.gz", 2, false, "data.v2-2.gz"},
		{".env", 2, false, ".env-2"},
		{".tar.gz", 2, false, ".tar.gz-2"},
		{"a.", 2, false, "a.-2"},
		{"v1.2", 2, true, "v1.2-2"},
		{"note.a very long sentence", 2, false, "note.a very long sentence-2"},
		{strings.Repeat("ä", 125) + ".md", 12, false, strings.Repeat("ä", 124) + "-12.md"},
	} {
		if got := numbered(test.name, test.n, test.isDir); got != test.want {
			t.Errorf("%q, %d: %q, want %q", test.name, test.n, got, test.want)
		}
	}
}

// Whatever the name, its numbers are names that can be synced, all of them
// different, and as long as a name can be.
func TestNumberedIsAName(t *testing.T) {
	t.Parallel()
	names := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune(".ta-rgz ä\u0301€😀"))),
		rapid.StringN(200, 255, 255), rapid.StringMatching(`[a-z]{200,240}\.[a-z.]{0,14}`)).
		Filter(func(name string) bool {
			name, err := storedName(name)
			return err == nil && syncable(name) == nil // a name to begin with
		})
	rapid.Check(t, func(t *rapid.T) {
		name, err := storedName(names.Draw(t, "name"))
		if err != nil {
			t.Fatal(err)
		}
		isDir := rapid.Bool().Draw(t, "dir")
		seen := map[string]bool{}
		for _, n := range []int{1, 2, 3, 9, 10, 11, 99, 100, maxClashes} {
			got := numbered(name, n, isDir)
			if seen[got] || len(got) > maxName || syncable(got) != nil {
				t.Fatalf("%d: %q", n, got)
			}
			if n > 1 && !strings.Contains(got, fmt.Sprint("-", n)) {
				t.Fatalf("%q is not the number %d", got, n)
			}
			seen[got] = true
		}
	})
}

func TestSplitTarget(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"deliverables": "deliverables .", "deliverables/": "deliverables .", "shared/a/b": "shared a/b", "./inbox//x/": "inbox x",
		"inbox/..hidden": "inbox ..hidden",
		"":               "", ".": "", "/": "", "..": "", "/tmp": "", "../inbox": "", "inbox/..": "", "inbox/../../x": "", "shared/../.botsync": "",
		"inbox/a/../b": "", ".botsync": "", "other": "", "inbox/\x00": "", "inbox/.stfolder": "", "inbox/.syncthing.x.tmp/y": "", "inbox/\xff": "",
	} {
		folder, within, err := splitTarget(to)
		if got := strings.TrimSpace(folder + " " + within); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", to, got, err)
		} else if err != nil {
			wantCode(t, err, api.CodeUsage)
		}
	}
}

// A target never leaves the folder, whatever is asked for and whatever links lie
// there.
func TestTargetStaysInside(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		to := rapid.StringOf(rapid.RuneFrom([]rune("./\\inboxa~\x00é"))).Draw(rt, "to")
		if folder, within, err := splitTarget("inbox/" + to); err == nil &&
			(folder != "inbox" || !filepath.IsLocal(filepath.FromSlash(within)) && within != ".") {
			rt.Fatalf("%q: %q, %q", to, folder, within)
		}
	})
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	outside := t.TempDir()
	for name, target := range map[string]string{"absolute": outside, "upwards": "../../" + filepath.Base(outside), "inside": ".", "dangling": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(r.Folder("inbox"), name)); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{"inbox/" + name, "inbox/" + name + "/deeper"} {
			if target, err := r.OpenTarget(to); err == nil {
				t.Errorf("%s was opened", to)
				target.Close()
			}
		}
	}
	write(t, filepath.Join(r.Folder("inbox"), "file"), "x")
	_, err := r.OpenTarget("inbox/file/sub")
	wantCode(t, err, api.CodeUsage)
	if left := tree(t, outside); len(left) > 1 {
		t.Errorf("something came outside: %v", left)
	}
}

func openTarget(t testing.TB, r *Root, to string) *Target {
	t.Helper()
	target, err := r.OpenTarget(to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { target.Close() })
	return target
}

func TestPut(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	dir := t.TempDir()
	source := filepath.Join(dir, "report.md")
	write(t, source, "the report")
	long := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := errors.Join(os.Chmod(source, 0o640), os.Chtimes(source, long, long), os.Symlink("report.md", filepath.Join(dir, "latest.md"))); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.Folder("deliverables"), "REPORT-2.md"), "of a system that does not tell cases apart")
	target := openTarget(t, r, "deliverables")
	sum := sha256.Sum256([]byte("the report"))
	for _, want := range []string{"report.md", "report-3.md", "report-4.md"} {
		puts, top, err := target.Put(t.Context(), api.SendSource{Path: source}, "report.md")
		if err != nil || top != want || len(puts) != 1 || puts[0] != (Put{Path: "deliverables/" + want, Size: 10, SHA256: hex.EncodeToString(sum[:])}) {
			t.Fatalf("%+v, %q, %v; want %s", puts, top, err, want)
		}
		info, err := os.Stat(filepath.Join(r.Folder("deliverables"), want))
		if err != nil || info.Mode().Perm() != 0o640 || !info.ModTime().Equal(long) {
			t.Errorf("%+v, %v", info, err)
		}
	}
	// A link that is named is followed, and keeps its name.
	puts, _, err := target.Put(t.Context(), api.SendSource{Path: filepath.Join(dir, "latest.md")}, "latest.md")
	if err != nil || puts[0].SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("%+v, %v", puts, err)
	}
	// So is one that lies in the root already, and it stays there.
	puts, _, err = openTarget(t, r, "shared/new/er").Put(t.Context(), api.SendSource{Path: filepath.Join(r.Folder("deliverables"), "report.md")}, "über\u0308.md")
	if err != nil || puts[0].Path != "shared/new/er/über\u0308.md" {
		t.Errorf("%+v, %v", puts, err)
	}
	if left, err := os.ReadDir(r.SendDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestPutATree(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	source := filepath.Join(t.TempDir(), "site.v1")
	write(t, filepath.Join(source, "a", "b", "c.txt"), "c")
	write(t, filepath.Join(source, "index.html"), "i")
	write(t, filepath.Join(source, ".stfolder", "mark"), "of another folder")
	write(t, filepath.Join(source, ".syncthing.x.tmp"), "half")
	if err := errors.Join(os.Mkdir(filepath.Join(source, "empty"), 0o755), os.Symlink("../outside", filepath.Join(source, "link")),
		os.Chmod(filepath.Join(source, "a"), 0o555)); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Join(source, "a"), 0o755)
	target := openTarget(t, r, "shared")
	for _, want := range []string{"site.v1", "site.v1-2"} {
		puts, top, err := target.Put(t.Context(), api.SendSource{Path: source}, "site.v1")
		if err != nil || top != want {
			t.Fatalf("%q, %v", top, err)
		}
		var got []string
		for _, p := range puts {
			got = append(got, strings.TrimPrefix(p.Path, "shared/"+want+"/"))
		}
		if strings.Join(got, " ") != "a/b/c.txt index.html link" {
			t.Errorf("%v", got)
		}
	}
	at := filepath.Join(r.Folder("shared"), "site.v1")
	if link, err := os.Readlink(filepath.Join(at, "link")); err != nil || link != "../outside" {
		t.Errorf("%q, %v", link, err)
	}
	if info, err := os.Stat(filepath.Join(at, "empty")); err != nil || !info.IsDir() {
		t.Error(err)
	}
	for _, name := range []string{".stfolder", ".syncthing.x.tmp"} {
		if _, err := os.Lstat(filepath.Join(at, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was sent: %v", name, err)
		}
	}
	// Nothing but a directory is told by itself.
	puts, _, err := target.Put(t.Context(), api.SendSource{Path: filepath.Join(source, "empty")}, "empty")
	if err != nil || len(puts) != 1 || !puts[0].Dir || puts[0].Path != "shared/empty" {
		t.Errorf("%+v, %v", puts, err)
	}
}

// Many at once, of one name, by targets that do not know of each other: each gets
// its own, whole.
func TestPutAtOnce(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	source := filepath.Join(t.TempDir(), "x.txt")
	write(t, source, strings.Repeat("x", 1000))
	const senders, each = 4, 10
	tops := make(chan string, senders*each)
	var group sync.WaitGroup
	for range senders {
		target := openTarget(t, r, "inbox")
		group.Go(func() {
			for range each {
				_, top, err := target.Put(t.Context(), api.SendSource{Path: source}, "x.txt")
				if err != nil {
					t.Error(err)
				}
				tops <- top
			}
		})
	}
	group.Wait()
	close(tops)
	seen := map[string]bool{}
	for top := range tops {
		if data, err := os.ReadFile(filepath.Join(r.Folder("inbox"), top)); seen[top] || err != nil || len(data) != 1000 {
			t.Errorf("%q: again %v, %d bytes, %v", top, seen[top], len(data), err)
		}
		seen[top] = true
	}
	if len(seen) != senders*each {
		t.Errorf("%d names", len(seen))
	}
}

// What cannot be sent leaves nothing behind.
func TestPutRefuses(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "good", "a"), "a")
	if err := errors.Join(mkfifo(filepath.Join(dir, "fifo")), mkfifo(filepath.Join(dir, "good", "z fifo")),
		os.Symlink("loop", filepath.Join(dir, "loop")), os.Symlink(r.IdentityDir(), filepath.Join(dir, "to identity"))); err != nil {
		t.Fatal(err)
	}
	before := tree(t, r.Folder("inbox"))
	target := openTarget(t, r, "inbox")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		ctx          context.Context
		source, name string
		code         string
	}{
		{t.Context(), filepath.Join(dir, "none"), "x", api.CodeSource},
		{t.Context(), filepath.Join(dir, "fifo"), "x", api.CodeSource},
		{t.Context(), filepath.Join(dir, "good"), "x", api.CodeSource},
		{t.Context(), filepath.Join(dir, "loop"), "x", api.CodeSource},
		{t.Context(), "/dev/null", "x", api.CodeSource},
		{t.Context(), "relative", "x", api.CodeUsage},
		{t.Context(), r.Dir(), "x", api.CodeUsage},
		{t.Context(), "/", "x", api.CodeUsage},
		{t.Context(), r.ConfigPath(), "x", api.CodeUsage},
		{t.Context(), filepath.Join(dir, "to identity"), "x", api.CodeUsage},
		{t.Context(), filepath.Join(dir, "good", "a"), "../x", api.CodeUsage},
		{t.Context(), filepath.Join(dir, "good", "a"), "..", api.CodeUsage},
		{t.Context(), filepath.Join(dir, "good", "a"), "", api.CodeUsage},
		{t.Context(), filepath.Join(dir, "good", "a"), "a\x00b", api.CodeUsage},
		{t.Context(), filepath.Join(dir, "good", "a"), "a\xff", api.CodeUsage},
		{t.Context(), filepath.Join(dir, "good", "a"), ".syncthing.a.tmp", api.CodeUsage},
		{t.Context(), filepath.Join(dir, "good", "a"), strings.Repeat("a", 256), api.CodeUsage},
		{cancelled, filepath.Join(dir, "good", "a"), "x", ""},
	} {
		_, _, err := target.Put(test.ctx, api.SendSource{Path: test.source}, test.name)
		if test.code == "" {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", test.source, err)
			}
			continue
		}
		wantCode(t, err, test.code)
	}
	if after := tree(t, r.Folder("inbox")); len(after) != len(before) {
		t.Errorf("left behind: %v", after)
	}
	if left, err := os.ReadDir(r.SendDir()); err == nil && len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A folder on another disk gets files in one step as well.
func TestPutOnAnotherDisk(t *testing.T) {
	t.Parallel()
	needs.Linux(t)
	other, err := os.MkdirTemp("/dev/shm", "botsync-test-")
	if err != nil {
		needs.Skip(t, "a second file system at /dev/shm: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(other) })
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	if err := errors.Join(os.RemoveAll(r.Folder("shared")), os.Symlink(other, r.Folder("shared")), os.Mkdir(filepath.Join(other, markName), 0o755)); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(t.TempDir(), "x")
	write(t, filepath.Join(source, "y"), "z")
	for _, want := range []string{"x", "x-2"} {
		if _, top, err := openTarget(t, r, "shared").Put(t.Context(), api.SendSource{Path: source}, "x"); err != nil || top != want {
			t.Fatalf("%q, %v", top, err)
		}
	}
	if _, err := os.Stat(filepath.Join(other, "x-2", "y")); err != nil {
		t.Error(err)
	}
	// What a daemon that was killed left is removed there, too.
	write(t, filepath.Join(other, markName, "send-1", "half"), "h")
	write(t, filepath.Join(r.SendDir(), "1", "half"), "h")
	if err := r.ClearSendDir(); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{filepath.Join(other, markName, "send-1"), r.SendDir()} {
		if _, err := os.Lstat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
	if left, err := os.ReadDir(filepath.Join(other, markName)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// The way for systems that cannot rename without replacing.
func TestRenameSlowly(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	dir, err := os.OpenRoot(base)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, isDir := range []bool{false, true} {
		staged, name := filepath.Join(t.TempDir(), "staged"), fmt.Sprint("dir is ", isDir)
		if isDir {
			write(t, filepath.Join(staged, "in it"), "x")
		} else {
			write(t, staged, "x")
		}
		if err := renameSlowly(staged, dir, name, isDir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(staged); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it has two names: %v", err)
		}
		other := filepath.Join(t.TempDir(), "other")
		write(t, other, "y")
		if err := renameSlowly(other, dir, name, isDir); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a name was given twice: %v", err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(base, "dir is false")); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestSpool(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	path, err := r.Spool(t.Context(), strings.NewReader("from standard input"))
	if err != nil {
		t.Fatal(err)
	}
	if puts, _, err := openTarget(t, r, "inbox").Put(t.Context(), api.SendSource{Path: path}, "in.txt"); err != nil || puts[0].Size != 19 {
		t.Errorf("%+v, %v", puts, err)
	}
	// Input that never ends is left alone when the command is interrupted.
	ctx, cancel := context.WithCancel(t.Context())
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	cancel()
	if _, err := r.Spool(ctx, in); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ arg, cwd, want string }{
		{"inbox/a", "/elsewhere", "inbox/a"},
		{"inbox", "/elsewhere", "inbox"},
		{"inbox/a", "/home/me/sync/inbox", "inbox/a"},
		{"./inbox/a", "/home/me/sync/inbox", "inbox/inbox/a"},
		{"a", "/home/me/sync/inbox", "inbox/a"},
		{"../shared/a", "/home/me/sync/inbox", "shared/a"},
		{".", "/home/me/sync/inbox/x", "inbox/x"},
		{"/home/me/sync/shared/a b", "/", "shared/a b"},
		{"/home/me/sync", "/", "."},
		{"a", "/home/me", "a"}, // in no folder, as whoever is asked for it will say
		{"./a", "/home/me", ""},
		{"./a", "", ""},
		{"", "/home/me/sync", ""},
		{"..", "/home/me/sync", ""},
		{"inbox/../../x", "/home/me/sync", ""},
		{"/home/me/sync2/inbox/a", "/", ""},
		{"/etc/passwd", "/home/me/sync", ""},
	} {
		got, ok := relative(filepath.FromSlash(test.arg), test.cwd, "/home/me/sync")
		if got != test.want || ok != (test.want != "") {
			t.Errorf("%q in %q: %q, %v; want %q", test.arg, test.cwd, got, ok, test.want)
		}
	}
}
