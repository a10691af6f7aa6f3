package engine

import (
	"os"
	"path/filepath"
	"testing"
)

// What a program writes while an empty file is taken out of its place stays, under
// its name or, if that was taken again, beside it.
func TestEmptyFilesThatAreWritten(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		race    func(gone, path, kept string) error
		removed bool
		at      map[string]string // what is left, by a pattern
	}{
		"nothing happens": {func(_, _, _ string) error { return nil }, true, map[string]string{"name*": "", "kept*": ""}},
		"it is written to": {func(gone, _, _ string) error { return os.WriteFile(gone, []byte("new"), 0o600) }, false,
			map[string]string{"name": "new", "kept": ""}},
		"another one took its place": {func(gone, _, _ string) error { return replaceFile(gone, "another") }, false,
			map[string]string{"name": "another"}},
		"it is written to, and made again": {func(gone, path, _ string) error {
			if err := os.WriteFile(gone, []byte("new"), 0o600); err != nil {
				return err
			}
			return os.WriteFile(path, []byte("newer"), 0o600)
		}, false, map[string]string{"name": "newer", "name.*": "new"}},
		"it is made again": {func(_, path, _ string) error { return os.WriteFile(path, []byte("newer"), 0o600) }, true,
			map[string]string{"name": "newer"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := t.TempDir()
			gone, file, kept := filepath.Join(path, ".syncthing.gone.tmp"), filepath.Join(path, "name"), filepath.Join(path, "kept")
			if err := os.WriteFile(gone, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(gone, kept); err != nil {
				t.Fatal(err)
			}
			if err := tt.race(gone, file, kept); err != nil {
				t.Fatal(err)
			}
			dir, err := os.OpenRoot(path)
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			removed, err := takenOut(dir, "name", filepath.Base(gone), kept)
			if err != nil || removed != tt.removed {
				t.Errorf("removed %v, %v", removed, err)
			}
			mustHold(t, path, tt.at)
			if left, _ := filepath.Glob(filepath.Join(path, ".syncthing.*")); len(left) > 0 {
				t.Errorf("left over: %q", left)
			}
		})
	}
}

// mustHold says what files of a directory, given by patterns, do not have what they
// should; nothing means that there should be none.
func mustHold(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	for pattern, text := range want {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		if text == "" && len(found) > 0 || text != "" && len(found) != 1 {
			t.Errorf("%s is %q", pattern, found)
			continue
		}
		if text == "" {
			continue
		}
		if got, err := os.ReadFile(found[0]); err != nil || string(got) != text {
			t.Errorf("%s has %q, %v", pattern, got, err)
		}
	}
}

func replaceFile(path, content string) error {
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// What an earlier file of the same name has left stays, and only that.
func TestWhatWasKeptOfAnEarlierFileStays(t *testing.T) {
	t.Parallel()
	e, b := &Engine{dir: t.TempDir()}, &braked{root: t.TempDir(), id: "folder"}
	kept := e.emptiedPath(b.id)
	if err := os.MkdirAll(kept, 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{filepath.Join(kept, "name"): "written in the last moment", filepath.Join(b.root, "name"): ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if removed, err := e.removeEmpty(b, "name"); !removed || err != nil {
		t.Fatal(removed, err)
	}
	mustHold(t, kept, map[string]string{"name": "written in the last moment", "name.*": ""})
	mustHold(t, b.root, map[string]string{"*": "", ".s*": ""})
}
