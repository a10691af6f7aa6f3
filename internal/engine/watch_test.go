package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"

	"github.com/botsync/botsync/internal/watch"
)

var fixed = time.Unix(1e9, 0)

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// fakeIndex is an index in memory.
type fakeIndex map[string]protocol.FileInfo

func (i fakeIndex) GetDeviceFile(_ string, _ protocol.DeviceID, file string) (protocol.FileInfo, bool, error) {
	f, ok := i[file]
	return f, ok, nil
}

// take enters what is on the disk, as a pull or a scan does.
func (i fakeIndex) take(t *testing.T, fsys fs.Filesystem, names ...string) {
	t.Helper()
	for _, name := range names {
		info, err := fsys.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := scanner.CreateFileInfo(info, name, fsys, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		i[name] = f
	}
}

// What the engine wrote itself is known to the index, and needs no scan; what is
// otherwise on the disk in any way does.
func TestKnownChangesAreNotScanned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"same", "written", "touched", "chmodded", "gone", "replaced", "temporary", "ignored", "again"} {
		must(t, os.WriteFile(in(name), []byte(name), 0o644))
	}
	must(t, os.Mkdir(in("dir"), 0o755), os.Mkdir(in("closed dir"), 0o755), os.Symlink("here", in("link")), os.Symlink("here", in("other link")),
		os.WriteFile(in(".stignore"), []byte("ignored\n"), 0o644))
	cfg := config.FolderConfiguration{ID: "id", FilesystemType: filesystemType, CaseSensitiveFS: true, Path: dir}
	fsys, index := cfg.Filesystem(), fakeIndex{}
	index.take(t, fsys, "same", "written", "touched", "chmodded", "gone", "replaced", "dir", "closed dir", "link", "other link", "again")
	for _, name := range []string{"gone for long", "again"} {
		index[name] = protocol.FileInfo{Name: name, Deleted: true}
	}
	must(t, os.WriteFile(in("written"), []byte("other bytes"), 0o644), os.WriteFile(in("new"), nil, 0o644),
		os.Chtimes(in("touched"), fixed, fixed), os.Chmod(in("chmodded"), 0o700), os.Chmod(in("closed dir"), 0o700),
		os.Remove(in("gone")), os.Remove(in("replaced")), os.Mkdir(in("replaced"), 0o755),
		os.Remove(in("other link")), os.Symlink("there", in("other link")))

	o := &opener{}
	defer o.close()
	w := &watched{cfg: cfg, index: index, opener: o, queue: watch.NewQueue(settle)}
	s := w.open(t.Context())
	must(t, s.err)
	defer s.close()
	unknown := func(changes ...watch.Change) []string {
		out := []string{}
		for _, c := range w.unknown(s, changes) {
			out = append(out, c.Path)
		}
		return out
	}
	for _, tt := range []struct {
		path string
		deep bool
		want bool
	}{
		{"same", false, false}, {"same", true, true},
		{"dir", false, false}, {"link", false, false},
		{"never there", false, false}, {"gone for long", false, false}, {"same/below a file", false, false},
		{"ignored", false, false}, {".syncthing.same.tmp", false, false}, {"\xff", false, false},
		{"written", false, true}, {"touched", false, true}, {"chmodded", false, true}, {"closed dir", false, true},
		{"gone", false, true}, {"replaced", false, true}, {"other link", false, true},
		{"new", false, true}, {"again", false, true},
		{watch.Root, true, true},
	} {
		want := []string{}
		if tt.want {
			want = append(want, tt.path)
		}
		if diff := cmp.Diff(want, unknown(watch.Change{Path: tt.path, Deep: tt.deep})); diff != "" {
			t.Errorf("%q, deep %v: (-want +got)\n%s", tt.path, tt.deep, diff)
		}
	}
}
