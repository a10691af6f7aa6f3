package root

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
)

// A peer that puts a link in the place of a file or directory that was chosen to
// be sent gets nothing else sent.
func TestWhatIsSentStaysWithin(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	shared, err := filepath.EvalSymlinks(r.Folder("shared"))
	if err != nil {
		t.Fatal(err)
	}
	outside := t.TempDir()
	for _, dir := range []string{outside, shared} {
		write(t, filepath.Join(dir, "sub", "file"), "of "+dir)
	}
	for name, swap := range map[string]string{"file": filepath.Join(shared, "sub", "file"), "directory": filepath.Join(shared, "sub")} {
		from, err := r.open(api.SendSource{Path: filepath.Join(shared, "sub", "file"), Within: shared})
		if err != nil {
			t.Fatal(err)
		}
		kept := swap + ".kept"
		rel, err := filepath.Rel(shared, swap)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(swap, kept); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(outside, rel), swap); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), "to")
		c := &copier{ctx: t.Context(), from: from.dir}
		err = c.copy(from.path, to)
		data, _ := os.ReadFile(to)
		if err == nil || strings.Contains(string(data), outside) {
			t.Errorf("%s: sent %q, %v", name, data, err)
		}
		from.dir.Close()
		if err := os.Remove(swap); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(kept, swap); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.open(api.SendSource{Path: filepath.Join(outside, "sub", "file"), Within: shared}); err == nil {
		t.Error("a file outside is taken")
	}
}

// What is botsync's own is known by whatever way it is named.
func TestWhatIsOfTheState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, _ := create(t, filepath.Join(dir, "sync"))
	links := map[string]string{"to the root": r.Dir(), "to the state": r.StateDir(), "to the versions": r.VersionsDir(), "to shared": r.Folder("shared")}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for p, want := range map[string]bool{
		r.StateDir():                                   true,
		filepath.Join(r.StateDir(), "new"):             true,
		filepath.Join(r.VersionsDir(), "no", "such"):   true,
		filepath.Join(dir, "to the root/.botsync/new"): true,
		filepath.Join(dir, "to the state/new"):         true,
		filepath.Join(dir, "to the versions/new"):      true,
		r.Dir():                            false,
		r.Dir() + "/.botsync-of-mine/new":  false,
		r.Folder("shared") + "/new":        false,
		r.Folder("shared") + "/.botsync/x": false,
		dir + "/to shared/new":             false,
		dir + "/new":                       false,
	} {
		if got := r.InState(p); got != want {
			t.Errorf("%s: %v", p, got)
		}
	}
}
