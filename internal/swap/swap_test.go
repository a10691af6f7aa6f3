package swap

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// open is a directory with files, and one that keeps what is kept by links.
func open(t *testing.T, files map[string]string) (dir *os.Root, path string, keep func(string) error, kept func() []string) {
	t.Helper()
	path = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	store := t.TempDir()
	n := 0
	keep = func(name string) error {
		n++
		return os.Link(filepath.Join(path, name), filepath.Join(store, string(rune('a'+n))))
	}
	return dir, path, keep, func() (out []string) {
		entries, _ := os.ReadDir(store)
		for _, e := range entries {
			out = append(out, read(filepath.Join(store, e.Name())))
		}
		return out
	}
}

func read(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return "-"
	}
	return string(data)
}

func TestReplace(t *testing.T) {
	t.Parallel()
	dir, path, keep, kept := open(t, map[string]string{"to": "old", "with": "new"})
	writer, err := os.OpenFile(filepath.Join(path, "to"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := Replace(dir, "to", "with", keep); err != nil {
		t.Fatal(err)
	}
	// A program that had it open writes on.
	if _, err := writer.WriteString(", and more"); err != nil {
		t.Fatal(err)
	}
	if got := read(filepath.Join(path, "to")); got != "new" || read(filepath.Join(path, "with")) != "-" {
		t.Errorf("%q", got)
	}
	for _, k := range kept() {
		if k != "old, and more" {
			t.Errorf("kept %q", k)
		}
	}
	if len(kept()) == 0 {
		t.Error("nothing was kept")
	}
}

// Nothing is touched that could not be kept.
func TestNothingGoesUnkept(t *testing.T) {
	t.Parallel()
	full := errors.New("no room")
	dir, path, _, _ := open(t, map[string]string{"to": "old", "with": "new"})
	fail := func(string) error { return full }
	if err := Replace(dir, "to", "with", fail); !errors.Is(err, full) {
		t.Error(err)
	}
	if err := Drop(dir, "with", fail); !errors.Is(err, full) {
		t.Error(err)
	}
	if read(filepath.Join(path, "to")) != "old" || read(filepath.Join(path, "with")) != "new" {
		t.Error("something is gone")
	}
}

// What takes the place of a file that is dropped is kept as well, or stays.
func TestDropWhatTookThePlace(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		dir, path, keep, kept := open(t, map[string]string{"copy": "old", "editor": "newer"})
		calls := 0
		err := Drop(dir, "copy", func(name string) error {
			if calls++; calls == 1 {
				return errors.Join(keep(name), os.Rename(filepath.Join(path, "editor"), filepath.Join(path, "copy")))
			}
			if full {
				return errors.ErrUnsupported
			}
			return keep(name)
		})
		got := kept()
		if full && (err == nil || read(filepath.Join(path, "copy")) != "newer") {
			t.Errorf("%v, and %q", err, read(filepath.Join(path, "copy")))
		}
		if !full && (err != nil || read(filepath.Join(path, "copy")) != "-" || len(got) != 2 || got[1] != "newer") {
			t.Errorf("%v, kept %q", err, got)
		}
		if left, _ := filepath.Glob(filepath.Join(path, ".syncthing.*")); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	dir, path, _, _ := open(t, map[string]string{"a": "1", "b": "2"})
	if err := Place(dir, "a", "b"); !errors.Is(err, ErrTaken) || read(filepath.Join(path, "b")) != "2" {
		t.Errorf("%v", err)
	}
	if err := Place(dir, "a", "c"); err != nil || read(filepath.Join(path, "c")) != "1" || read(filepath.Join(path, "a")) != "-" {
		t.Errorf("%v", err)
	}
	if err := Place(dir, "gone", "d"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
