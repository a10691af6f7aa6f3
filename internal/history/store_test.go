package history

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// place is a folder beside a store.
type place struct {
	t      *testing.T
	folder string
	store  *Store
	bytes  int64
	now    time.Time
}

func newPlace(t *testing.T) *place {
	dir := t.TempDir()
	p := &place{t: t, folder: filepath.Join(dir, "shared"), now: time.UnixMicro(1_790_000_000_000_000)}
	p.store = NewStore(filepath.Join(dir, "versions"), func(n int64) { p.bytes += n })
	return p
}

func (p *place) write(name, text string) string {
	p.t.Helper()
	file := filepath.Join(p.folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
		p.t.Fatal(err)
	}
	return file
}

func (p *place) item(name string) Item {
	p.now = p.now.Add(time.Second)
	return Item{From: filepath.Join(p.folder, filepath.FromSlash(name)), Folder: "shared", Path: name, By: "MTJ5VA7", At: p.now}
}

func (p *place) keep(it Item) {
	p.t.Helper()
	if err := p.store.Keep(it); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) remove(name string) {
	p.t.Helper()
	if err := os.RemoveAll(filepath.Join(p.folder, filepath.FromSlash(name))); err != nil {
		p.t.Fatal(err)
	}
}

// files are the versions as any program finds them: contents by name.
func (p *place) files() map[string]string {
	p.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(p.store.Dir(), func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(p.store.Dir(), file)
		if err != nil {
			return err
		}
		if e.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(file)
			out[filepath.ToSlash(name)] = "-> " + target
			return err
		}
		data, err := os.ReadFile(file)
		out[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Fatal(err)
	}
	return out
}

func TestKeep(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("docs/report.md", "the first")
	it := p.item("docs/report.md")
	p.keep(it)
	p.remove("docs/report.md")
	p.write("docs/report.md", "the second")
	gone := p.item("docs/report.md")
	gone.Deleted, gone.By = true, ""
	p.keep(gone)
	want := map[string]string{
		"shared/docs/" + Name("report.md", it.At, "MTJ5VA7", false): "the first",
		"shared/docs/" + Name("report.md", gone.At, "", true):       "the second",
	}
	got := p.files()
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s holds %q", name, got[name])
		}
	}
	if len(got) != len(want) || p.bytes != int64(len("the first")+len("the second")) {
		t.Errorf("%d bytes: %v", p.bytes, got)
	}
}

// A version of what lives on does not change with it, and has its mode and time.
func TestWhatStaysIsCopied(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := p.write("a", "before")
	when := time.Unix(1_600_000_000, 123_456_000)
	if err := os.Chtimes(file, when, when); err != nil {
		t.Fatal(err)
	}
	it := p.item("a")
	it.Stays = true
	p.keep(it)
	if err := os.WriteFile(file, []byte("written in place"), 0o600); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(p.store.Dir(), "shared", Name("a", it.At, it.By, false))
	data, err := os.ReadFile(name)
	if err != nil || string(data) != "before" {
		t.Fatalf("%q, %v", data, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 || !info.ModTime().Equal(when) {
		t.Errorf("%v, %v", info, err)
	}
}

func TestLinksAreKept(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("a", "x")
	if err := os.Symlink("../outside", filepath.Join(p.folder, "link")); err != nil {
		t.Fatal(err)
	}
	it := p.item("link")
	p.keep(it)
	if got := p.files()["shared/"+Name("link", it.At, it.By, false)]; got != "-> ../outside" {
		t.Errorf("%q: %v", got, p.files())
	}
}

func TestWhatIsNotThereIsLeftAlone(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("dir/file", "x")
	for _, name := range []string{"nothing", "dir", "dir/file/below"} {
		p.keep(p.item(name))
	}
	if got := p.files(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	for _, bad := range []Item{{Folder: "shared", Path: "../x"}, {Folder: "shared", Path: "/etc/passwd"}, {Folder: "..", Path: "x"}, {Folder: ".long", Path: "x"}, {Folder: "a/b", Path: "x"}} {
		bad.From = filepath.Join(p.folder, "dir/file")
		if err := p.store.Keep(bad); !errors.Is(err, ErrPath) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// A pull that fails after the version was made is tried again, and makes no other.
func TestTriedAgainIsKeptOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("a", "x")
	for range 3 {
		p.keep(p.item("a"))
	}
	if got := p.files(); len(got) != 1 {
		t.Errorf("%v", got)
	}
	p.remove("a")
	p.write("a", "y")
	p.keep(p.item("a"))
	if got := p.files(); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// Two versions of the same microsecond, and of a clock that was set back a little,
// are two.
func TestEveryVersionHasItsTime(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	at := p.now
	for i := range 10 {
		p.write("a", strings.Repeat("x", i+1))
		p.keep(Item{From: filepath.Join(p.folder, "a"), Folder: "shared", Path: "a", At: at})
		p.remove("a")
		at = at.Add(-time.Millisecond)
	}
	if got := p.files(); len(got) != 10 {
		t.Errorf("%v", got)
	}
}

func TestNamesOfAnyLength(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, name := range []string{strings.Repeat("n", 255), "d/" + strings.Repeat("ü", 127), strings.Repeat("m", 221), strings.Repeat("o", 222)} {
		p.write(name, name)
		p.keep(p.item(name))
		found := false
		for file, text := range p.files() {
			found = found || text == name && !strings.HasSuffix(file, pathFile)
		}
		if !found {
			t.Errorf("%s… is not kept: %v", name[:10], p.files())
		}
	}
}

// What stands where a version belongs, or where its directory does, is in nobody's
// way.
func TestSomethingIsInTheWay(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("a", "x")
	it := p.item("a")
	if err := os.MkdirAll(filepath.Join(p.store.Dir(), "shared", Name("a", it.At, it.By, false)), 0o700); err != nil {
		t.Fatal(err)
	}
	p.keep(it)
	if err := os.WriteFile(filepath.Join(p.store.Dir(), "shared", "dir"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.write("dir/b", "y")
	p.keep(p.item("dir/b"))
	texts := map[string]bool{}
	for _, text := range p.files() {
		texts[text] = true
	}
	if !texts["x"] || !texts["y"] {
		t.Errorf("%v", p.files())
	}
}

// What cannot be kept is an error: whoever is about to remove it must not.
func TestWhatCannotBeKept(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("a", "x")
	if err := os.WriteFile(p.store.Dir(), nil, 0o600); err != nil { // in the place of the directory
		t.Fatal(err)
	}
	if err := p.store.Keep(p.item("a")); err == nil {
		t.Error("there is no version, and no error")
	}
}

// On another disk a version is a copy.
func TestWhereThereAreNoLinks(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{syscall.EXDEV, syscall.EPERM, syscall.EMLINK} {
		p := newPlace(t)
		p.store.link = func(from, to string) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: cause} }
		file := p.write("a", "x")
		it := p.item("a")
		p.keep(it)
		if err := os.WriteFile(file, []byte("written in place"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := p.files(); len(got) != 1 || got["shared/"+Name("a", it.At, it.By, false)] != "x" {
			t.Errorf("%v: %v", cause, got)
		}
	}
	p := newPlace(t)
	p.store.link = func(string, string) error { return syscall.ENOSPC }
	p.write("a", "x")
	if err := p.store.Keep(p.item("a")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
}

// A peer chooses what is a symbolic link and what a directory, and knows what
// versions are called: no version is made, found, read or removed through a link.
func TestNoVersionIsReachedByALink(t *testing.T) {
	t.Parallel()
	for name, inside := range map[string]bool{"out": false, "in": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			target := filepath.Join(filepath.Dir(p.folder), "elsewhere")
			if inside {
				target = filepath.Join(p.store.Dir(), ".elsewhere")
			}
			secret := Name("secret", p.now, "", true)
			if err := errors.Join(os.MkdirAll(target, 0o700), os.WriteFile(filepath.Join(target, secret), []byte("secret"), 0o600), os.MkdirAll(p.folder, 0o700),
				os.Symlink(target, filepath.Join(p.folder, "evil"))); err != nil {
				t.Fatal(err)
			}
			it := p.item("evil")
			it.Deleted = true
			p.keep(it)
			p.remove("evil")
			evil := Name("evil", it.At, it.By, true)
			p.write(evil+"/x.sh", "by a peer")
			p.keep(p.item(evil + "/x.sh"))
			if list, err := os.ReadDir(target); err != nil || len(list) != 1 {
				t.Fatalf("%v, %v", list, err)
			}
			if got := paths(p.find(Query{Path: evil})); len(got) != 1 || got[0] != evil+"/x.sh" {
				t.Errorf("%q", got)
			}
			if got := p.find(Query{}); len(got) != 2 || p.text(got[1]) != "by a peer" {
				t.Errorf("%+v", got)
			}
			file := "shared/" + evil + "/" + secret
			if f, err := p.store.Open(Version{File: file}); err == nil {
				f.Close()
				t.Error("it was read")
			}
			if _, err := p.store.ByFile(file); err == nil {
				t.Error("it is taken for a version")
			}
			if err := p.store.Drop(Version{File: file}); err == nil {
				t.Error("it was removed")
			}
			usage, err := p.store.Sweep(t.Context(), Limits{}, before(p.now.Add(time.Hour)), p.now.Add(time.Hour))
			if _, there := os.Lstat(filepath.Join(target, secret)); err != nil || usage != (Usage{}) || there != nil {
				t.Errorf("%+v, %v, %v", usage, err, there)
			}
			if got := p.find(Query{}); len(got) != 0 {
				t.Errorf("left: %+v", got)
			}
		})
	}
}

// What is kept again later, or of another change, is what the file was until then:
// the version says so, and there is one.
func TestKeptAgainIsAsOfNow(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*Item){
		"later":      func(it *Item) { it.At = it.At.Add(24 * time.Hour) },
		"by another": func(it *Item) { it.By = "ABCDEFG" },
		"deleted":    func(it *Item) { it.Deleted = true },
	} {
		p := newPlace(t)
		for _, name := range []string{"a", strings.Repeat("n", 255)} {
			file := p.write(name, "before")
			it := p.item(name)
			p.keep(it)
			if err := os.WriteFile(file, []byte("edited in place"), 0o600); err != nil {
				t.Fatal(err)
			}
			change(&it)
			p.keep(it)
			p.remove(name)
			got := p.find(Query{Path: name})
			if len(got) != 1 || got[0].By != it.By || got[0].Deleted != it.Deleted || got[0].Time.Sub(it.At).Abs() > time.Second || p.text(got[0]) != "edited in place" {
				t.Errorf("%s: %+v", what, got)
			}
		}
	}
}

// The path of a long name is removed when it has had no version for a while, and at
// that moment one may be made.
func TestAVersionHasItsPath(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	long := strings.Repeat("n", 255)
	p.write(long, "x")
	p.store.link = func(from, to string) error {
		for name := range p.files() {
			if strings.HasSuffix(name, pathFile) {
				if err := os.Remove(filepath.Join(p.store.Dir(), name)); err != nil {
					return err
				}
			}
		}
		return os.Link(from, to)
	}
	p.keep(p.item(long))
	if got := paths(p.find(Query{})); len(got) != 1 || got[0] != long {
		t.Errorf("%q", got)
	}
}
