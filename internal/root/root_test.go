package root

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/botsync/botsync/internal/api"
)

var laptop = Config{Name: "laptop"}

func wantCode(t *testing.T, err error, code string) *api.Error {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got error %v (%T), want code %s", err, err, code)
	}
	if e.Message == "" || e.Hint == "" {
		t.Errorf("the error does not say what happened and what to do: %+v", e)
	}
	return e
}

func create(t *testing.T, dir string) (*Root, *Created) {
	t.Helper()
	r, created, err := Create(dir, laptop)
	if err != nil {
		t.Fatal(err)
	}
	return r, created
}

// tree maps the paths below dir to their modes and contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	seen := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += " " + string(data)
		}
		rel, err := filepath.Rel(dir, path)
		seen[rel] = what
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sync", "with space", "übung/日本語", "a\"b\\c'", strings.Repeat("long-", 40)} {
		dir := filepath.Join(t.TempDir(), filepath.FromSlash(name))
		r, created := create(t, dir)
		if !created.Initialised {
			t.Errorf("%q: a new root was not initialised", name)
		}
		modes := map[string]fs.FileMode{
			r.StateDir(): 0o700, r.IdentityDir(): 0o700, r.EngineDir(): 0o700, r.NetworkDir(): 0o700,
			r.VersionsDir(): 0o700, r.LogsDir(): 0o700, r.ConfigPath(): 0o600,
		}
		for path, want := range modes {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v; want mode %o", path, info.Mode(), err, want)
			}
		}
		opened, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range Folders {
			if info, err := os.Stat(opened.Folder(name)); err != nil || !info.IsDir() {
				t.Errorf("folder %s: %v", name, err)
			}
		}
		before := tree(t, dir)
		_, again, err := Create(dir, Config{Name: "another"})
		if err != nil || again.Initialised {
			t.Errorf("again: %+v, %v", again, err)
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Errorf("creating a root that exists changed it:\n%s", diff)
		}
		if err := again.Undo(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Errorf("undoing nothing changed the root:\n%s", diff)
		}
	}
}

// A process can be killed after any step. The next one completes the root, and
// can still take everything of it back.
func TestCreateCompletesWhatWasLeft(t *testing.T) {
	t.Parallel()
	want := filepath.Join(t.TempDir(), "sync")
	create(t, want)
	whole := tree(t, want)
	// The order does not matter: each subset that a crash can leave is one of
	// what exists without the last file.
	paths := slices.DeleteFunc(slices.Sorted(maps.Keys(whole)), func(p string) bool {
		return p == filepath.Join(StateName, configName)
	})
	for n := range paths {
		dir := filepath.Join(t.TempDir(), "sync")
		for _, p := range paths[:n] {
			at := filepath.Join(dir, p)
			if strings.HasPrefix(whole[p], "d") {
				if err := os.Mkdir(at, 0o755); err != nil {
					t.Fatal(err)
				}
				continue
			}
			_, content, _ := strings.Cut(whole[p], " ")
			if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if n > 1 { // the root is there: half a file may be as well
			left := filepath.Join(dir, ".tmp-BOTSYNC.md-123")
			if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(dir); err == nil {
			t.Fatalf("after %d steps the root passes for whole", n)
		}
		_, created := create(t, dir)
		if !created.Initialised {
			t.Errorf("after %d steps the root was not completed", n)
		}
		got := tree(t, dir)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(whole)), slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("after %d steps the completed root differs:\n%s", n, diff)
		}
		if err := created.Undo(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(dir, StateName)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %d steps undo left .botsync: %v", n, err)
		}
	}
}

func TestUndo(t *testing.T) {
	t.Parallel()
	t.Run("a new root, parents too", func(t *testing.T) {
		t.Parallel()
		base := t.TempDir()
		_, created := create(t, filepath.Join(base, "a", "b", "sync"))
		if err := created.Undo(); err != nil {
			t.Fatal(err)
		}
		if got := tree(t, base); len(got) != 1 {
			t.Errorf("left: %v", slices.Sorted(maps.Keys(got)))
		}
		if err := created.Undo(); err != nil {
			t.Errorf("a second time: %v", err)
		}
	})
	t.Run("a user's files stay", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "inbox", "mine"), "x")
		write(t, filepath.Join(dir, "other"), "y")
		before := tree(t, dir)
		r, created := create(t, dir)
		write(t, filepath.Join(r.Folder("shared"), "new"), "z")
		if err := created.Undo(); err != nil {
			t.Fatal(err)
		}
		after := tree(t, dir)
		if _, kept := after[filepath.Join("shared", "new")]; !kept {
			t.Error("a file written meanwhile is gone")
		}
		delete(after, "shared")
		delete(after, filepath.Join("shared", "new"))
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("differs from before:\n%s", diff)
		}
	})
	t.Run("the engine's marks go, others stay", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "inbox", ".stfolder", "of another Syncthing"), "x")
		before := tree(t, dir)
		r, created := create(t, dir)
		write(t, filepath.Join(r.Folder("shared"), ".stfolder", "mark"), "x")
		if err := created.Undo(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Errorf("differs from before:\n%s", diff)
		}
	})
	t.Run("an edited BOTSYNC.md stays", func(t *testing.T) {
		t.Parallel()
		r, created := create(t, filepath.Join(t.TempDir(), "sync"))
		write(t, r.ReadmePath(), "mine")
		if err := created.Undo(); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(r.ReadmePath()); err != nil || string(data) != "mine" {
			t.Errorf("%q, %v", data, err)
		}
	})
	t.Run("kept versions stay", func(t *testing.T) {
		t.Parallel()
		r, created := create(t, filepath.Join(t.TempDir(), "sync"))
		write(t, filepath.Join(r.VersionsDir(), "old"), "x")
		if err := created.Undo(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(r.Dir()); err != nil {
			t.Errorf("the root is gone: %v", err)
		}
	})
	t.Run("an identity from before stays", func(t *testing.T) {
		t.Parallel()
		r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
		write(t, filepath.Join(r.IdentityDir(), "key.pem"), "secret")
		if err := os.Remove(r.ConfigPath()); err != nil { // by hand, to get a fresh one
			t.Fatal(err)
		}
		_, created := create(t, r.Dir())
		if err := created.Undo(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(r.IdentityDir(), "key.pem")); err != nil {
			t.Error(err)
		}
	})
	t.Run("not under a running daemon", func(t *testing.T) {
		t.Parallel()
		r, created := create(t, filepath.Join(t.TempDir(), "sync"))
		lock, err := r.Lock(LockInfo{PID: 1})
		if err != nil {
			t.Fatal(err)
		}
		before := tree(t, r.Dir())
		if err := created.Undo(); err == nil {
			t.Error("no error")
		}
		if diff := cmp.Diff(before, tree(t, r.Dir())); diff != "" {
			t.Error(diff)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
		if err := created.Undo(); err != nil {
			t.Error(err)
		}
	})
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOpenBeforeInit(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for _, dir := range []string{t.TempDir(), file, filepath.Join(file, "below"), "/nonexistent/sync"} {
		_, err := Open(dir)
		if e := wantCode(t, err, api.CodeNotInitialised); e.Exit != api.ExitNotInitialised || !strings.Contains(e.Message, dir) {
			t.Errorf("%s: %+v", dir, e)
		}
	}
}

// Whatever stands in the way, nothing half-made remains.
func TestCreateWhereItCannotBe(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, block, root, want string }{
		{"a file", "sync", "sync", "is a file"},
		{"below a file", "file", "file/sync", "file"},
		{"a folder is a file", "sync/inbox", "sync", "inbox"},
		{"the state is a file", "sync/.botsync", "sync", ".botsync"},
		{"a name that is too long", "", strings.Repeat("x", 300), "too long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			if tc.block != "" {
				write(t, filepath.Join(base, tc.block), "mine")
			}
			before := tree(t, base)
			_, _, err := Create(filepath.Join(base, tc.root), laptop)
			if e := wantCode(t, err, api.CodeRootUnusable); !strings.Contains(e.Message, tc.want) {
				t.Errorf("%q does not say %q", e.Message, tc.want)
			}
			if diff := cmp.Diff(before, tree(t, base)); diff != "" {
				t.Errorf("something is left:\n%s", diff)
			}
		})
	}
}

func TestCreateInsideAnotherRoot(t *testing.T) {
	t.Parallel()
	outer := filepath.Join(t.TempDir(), "sync")
	create(t, outer)
	before := tree(t, outer)
	for _, at := range []string{"shared", "shared/x/y", ".botsync/versions/x"} {
		_, _, err := Create(filepath.Join(outer, at), laptop)
		wantCode(t, err, api.CodeRootUnusable)
	}
	if diff := cmp.Diff(before, tree(t, outer)); diff != "" {
		t.Errorf("something is left:\n%s", diff)
	}
	create(t, filepath.Join(outer, "beside", "sync")) // is not synced by the outer one
}

func TestReadme(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	current, err := os.ReadFile(r.ReadmePath())
	if err != nil || !Unedited(current) {
		t.Fatalf("the text that was written is not known as ours: %v", err)
	}
	for _, name := range Folders {
		if !strings.Contains(string(current), "`"+name+"/`") {
			t.Errorf("BOTSYNC.md does not explain %s", name)
		}
	}
	for _, tc := range []struct{ name, before, after string }{
		{"an older text", string(Sign("an older text\n")), string(current)},
		{"the present text", string(current), string(current)},
		{"an edited text", strings.Replace(string(current), "synced", "sunk", 1), strings.Replace(string(current), "synced", "sunk", 1)},
		{"added below", string(current) + "mine\n", string(current) + "mine\n"},
		{"a person's own", "mine\n", "mine\n"},
		{"empty", "", ""},
	} {
		write(t, r.ReadmePath(), tc.before)
		if err := r.RefreshReadme(); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(r.ReadmePath()); err != nil || string(got) != tc.after {
			t.Errorf("%s: became %q, %v", tc.name, got, err)
		}
	}
	if err := os.Remove(r.ReadmePath()); err != nil {
		t.Fatal(err)
	}
	if err := r.RefreshReadme(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(r.ReadmePath()); err == nil {
		t.Error("a file that was deleted came back")
	}
}
