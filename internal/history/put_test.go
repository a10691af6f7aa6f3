package history

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func contentOf(text string) Content {
	return Content{Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
		Size: int64(len(text)), Mode: 0o640, Modified: time.Unix(1_600_000_000, 5000)}
}

func always() error { return nil }

func newFolder(t *testing.T) (*os.Root, string) {
	dir := t.TempDir()
	folder, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	return folder, dir
}

func TestPut(t *testing.T) {
	t.Parallel()
	folder, dir := newFolder(t)
	kept := 0
	keep := func(string) error { kept++; return nil }
	if err := Put(folder, "new/dir/file", contentOf("hello"), always, keep); err != nil || kept != 0 {
		t.Fatal(kept, err)
	}
	file := filepath.Join(dir, "new", "dir", "file")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o640 || time.Since(info.ModTime()) > time.Minute {
		t.Fatalf("%v, %v", info, err)
	}
	if err := Put(folder, "new/dir/file", contentOf("world"), always, keep); err != nil || kept != 1 {
		t.Fatal(kept, err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "world" {
		t.Fatalf("%q, %v", data, err)
	}
	link := Content{Symlink: true, Target: "../x"}
	if err := Put(folder, "new/link", link, always, keep); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(filepath.Join(dir, "new", "link")); err != nil || to != "../x" {
		t.Fatalf("%q, %v", to, err)
	}
}

// Whatever goes wrong, what was there stays, and nothing half made does.
func TestPutThatFails(t *testing.T) {
	t.Parallel()
	folder, dir := newFolder(t)
	outside := t.TempDir()
	for _, err := range []error{os.WriteFile(filepath.Join(dir, "file"), []byte("before"), 0o600), os.Mkdir(filepath.Join(dir, "dir"), 0o700),
		os.Symlink(outside, filepath.Join(dir, "out")), os.Mkdir(filepath.Join(dir, "in"), 0o700), os.Symlink("in", filepath.Join(dir, "alias"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	fine := func(string) error { return nil }
	broken := errors.New("no room")
	short := contentOf("hello")
	short.Size = 99
	away := contentOf("")
	away.Open = func() (io.ReadCloser, error) { return nil, broken }
	for what, test := range map[string]struct {
		name    string
		content Content
		keep    func(string) error
		err     error
	}{
		"it cannot be kept":      {"file", contentOf("x"), func(string) error { return broken }, broken},
		"half of it":             {"file", short, fine, nil},
		"it cannot be read":      {"file", away, fine, broken},
		"a directory is there":   {"dir", contentOf("x"), fine, ErrInTheWay},
		"a file is above it":     {"file/below", contentOf("x"), fine, ErrInTheWay},
		"a link out is above it": {"out/x", contentOf("x"), fine, ErrInTheWay},
		"a link is above it":     {"alias/x", contentOf("x"), fine, ErrInTheWay},
		"a way out":              {"../x", contentOf("x"), fine, ErrPath},
		"a way out, absolute":    {filepath.Join(outside, "x"), contentOf("x"), fine, ErrPath},
		"the folder itself":      {".", contentOf("x"), fine, ErrPath},
	} {
		if err := Put(folder, test.name, test.content, always, test.keep); err == nil || test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	var files []string
	for _, top := range []string{dir, outside} {
		if err := filepath.WalkDir(top, func(file string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && e.Type().IsRegular() {
				files = append(files, filepath.Base(file))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(data) != "before" || len(files) != 1 {
		t.Errorf("%q, %v, %q", data, err, files)
	}
}

// What a program puts there between keeping and replacing is kept as well.
func TestPutKeepsWhatComesMeanwhile(t *testing.T) {
	t.Parallel()
	folder, dir := newFolder(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	var kept []string
	err := Put(folder, "file", contentOf("restored"), always, func(at string) error {
		data, err := os.ReadFile(filepath.Join(dir, at))
		kept = append(kept, string(data))
		if len(kept) == 1 {
			err = errors.Join(err, os.WriteFile(file+"2", []byte("meanwhile"), 0o600), os.Rename(file+"2", file))
		}
		return err
	})
	if err != nil || len(kept) != 2 || kept[1] != "meanwhile" {
		t.Errorf("%q, %v", kept, err)
	}
}

func TestRemoveAndExport(t *testing.T) {
	t.Parallel()
	folder, dir := newFolder(t)
	file := filepath.Join(dir, "file")
	if err := Export(file, contentOf("hello")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || !info.ModTime().Equal(time.Unix(1_600_000_000, 5000)) {
		t.Errorf("a copy has not its own time: %v, %v", info, err)
	}
	if err := Export(file, contentOf("again")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it replaces a file: %v", err)
	}
	broken := errors.New("no room")
	if err := Remove(folder, "file", func(string) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
	for range 2 { // the second time it is gone
		if err := Remove(folder, "file", func(string) error { return nil }); err != nil {
			t.Error(err)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// Somebody removes the unfinished file: it is written again.
func TestPutAgain(t *testing.T) {
	t.Parallel()
	folder, dir := newFolder(t)
	c := contentOf("hello")
	tries := 0
	open := c.Open
	c.Open = func() (io.ReadCloser, error) {
		if tries++; tries == 1 {
			return nil, errors.Join(os.Remove(filepath.Join(dir, "sub")), fs.ErrNotExist)
		}
		return open()
	}
	if err := Put(folder, "sub/file", c, always, func(string) error { return nil }); err != nil || tries != 2 {
		t.Fatal(tries, err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "sub", "file")); err != nil || string(data) != "hello" {
		t.Fatalf("%q, %v", data, err)
	}
}

// What a program does while the content is written, or just when it gets its name, is
// not lost: it is kept, or stays.
func TestPutLosesNothing(t *testing.T) {
	t.Parallel()
	full := errors.New("no room")
	for what, test := range map[string]struct {
		before  bool                    // there is a file at first
		reading func(file string) error // while the content is read
		asked   func(file string) error // just before it is put there
		fails   bool                    // it cannot be kept a second time
		kept    []string
	}{
		"made meanwhile":             {false, func(file string) error { return os.WriteFile(file, []byte("made"), 0o600) }, nil, false, []string{"made"}},
		"made at the last moment":    {false, nil, func(file string) error { return os.WriteFile(file, []byte("made"), 0o600) }, false, []string{"made"}},
		"written at the last moment": {true, nil, func(file string) error { return os.WriteFile(file, []byte("written in place"), 0o600) }, false, []string{"before", "written in place"}},
		"and it cannot be kept":      {true, nil, func(file string) error { return os.WriteFile(file, []byte("written in place"), 0o600) }, true, []string{"before"}},
	} {
		if runtime.GOOS != "linux" && test.before {
			continue // which cannot exchange two files
		}
		folder, dir := newFolder(t)
		file := filepath.Join(dir, "file")
		if test.before {
			if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := contentOf("restored")
		open := c.Open
		c.Open = func() (io.ReadCloser, error) {
			if test.reading != nil {
				if err := test.reading(file); err != nil {
					return nil, err
				}
			}
			return open()
		}
		asked := false
		may := func() error {
			if test.asked == nil || asked {
				return nil
			}
			asked = true
			return test.asked(file)
		}
		var kept []string
		err := Put(folder, "file", c, may, func(at string) error {
			if test.fails && len(kept) > 0 {
				return full
			}
			data, err := os.ReadFile(filepath.Join(dir, at))
			kept = append(kept, string(data))
			return err
		})
		want := "restored"
		if test.fails {
			want = "written in place"
		}
		data, _ := os.ReadFile(file)
		list, _ := os.ReadDir(dir)
		if errors.Is(err, full) != test.fails || err != nil && !test.fails || !slices.Equal(kept, test.kept) || string(data) != want || len(list) != 1 {
			t.Errorf("%s: %v, kept %q, there is %q in %v", what, err, kept, data, list)
		}
	}
}

// What is made or written after it was kept is not removed unkept.
func TestRemoveLosesNothing(t *testing.T) {
	t.Parallel()
	full := errors.New("no room")
	for _, fails := range []bool{false, true} {
		folder, dir := newFolder(t)
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		var kept []string
		err := Remove(folder, "file", func(at string) error {
			data, err := os.ReadFile(filepath.Join(dir, at))
			if len(kept) > 0 && fails {
				return full
			}
			if kept = append(kept, string(data)); len(kept) == 1 {
				err = errors.Join(err, os.WriteFile(file, []byte("written in place"), 0o600))
			}
			return err
		})
		list, _ := os.ReadDir(dir)
		if !fails && (err != nil || !slices.Equal(kept, []string{"before", "written in place"}) || len(list) != 0) {
			t.Errorf("%v, kept %q, left %v", err, kept, list)
		}
		if data, _ := os.ReadFile(file); fails && (!errors.Is(err, full) || string(data) != "written in place" || len(list) != 1) {
			t.Errorf("%v, there is %q in %v", err, data, list)
		}
	}
}
