package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/botsync/botsync/internal/history"
	"github.com/botsync/botsync/internal/root"
)

// A program that writes to a file in the very moment of the merge loses nothing:
// neither what it adds, nor what it puts in the place of the file.
func TestWhoWritesDuringAMergeLosesNothing(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		meanwhile func(dir string) error
		busy      bool
		current   string
		copied    string // empty: it is gone
	}{
		"nobody": {func(string) error { return nil }, false, "0\n1\n2\n", ""},
		"added": {func(dir string) error {
			f, err := os.OpenFile(filepath.Join(dir, "log"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("3\n")
			return errors.Join(err, f.Close())
		}, true, "0\n1\n3\n", "0\n2\n"},
		"replaced": {func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "new"), []byte("other\n"), 0o600), os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "log")))
		}, true, "other\n", "0\n2\n"},
		"the copy was written to": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "copy"), []byte("0\n2\n4\n"), 0o600)
		}, true, "0\n1\n2\n", "0\n2\n4\n"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, _, err := root.Create(filepath.Join(t.TempDir(), "r"), root.Config{Name: "here"})
			if err != nil {
				t.Fatal(err)
			}
			path := r.Folder("shared")
			for name, text := range map[string]string{"log": "0\n1\n", "copy": "0\n2\n"} {
				if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			dir, err := os.OpenRoot(path)
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			// It is called between the last look at the file and the exchange.
			done := false
			store := history.NewStore(t.TempDir(), func(int64) {
				if !done {
					done = true
					if err := test.meanwhile(path); err != nil {
						t.Error(err)
					}
				}
			})
			d := &daemon{root: r, history: store, clock: rightClock(t), members: &members{}}
			p := pair{d: d, c: &inConflict{folder: "shared", path: "log"}, dir: dir}
			open := func(name string) *side {
				f, err := dir.Open(name)
				if err != nil {
					t.Fatal(err)
				}
				info, err := f.Stat()
				if err != nil {
					t.Fatal(err)
				}
				return &side{File: f, name: name, path: name, info: info}
			}
			p.current, p.copied = open("log"), open("copy")
			p.base.Size = 0
			if err := p.write(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := p.place(); errors.Is(err, errBusy) != test.busy || !test.busy && err != nil {
				t.Errorf("%v", err)
			}
			p.close()
			for name, want := range map[string]string{"log": test.current, "copy": test.copied} {
				data, err := os.ReadFile(filepath.Join(path, name))
				if want == "" && !errors.Is(err, fs.ErrNotExist) || string(data) != want {
					t.Errorf("%s: %q, %v; want %q", name, data, err, want)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(path, ".syncthing.*")); len(left) > 0 {
				t.Errorf("left over: %q", left)
			}
		})
	}
}
