package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestWriteNewReplacesNothing(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(string, []byte, fs.FileMode) error{"link": WriteNew, "no links": writeExclusive} {
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		if err := write(path, []byte("first"), 0o600); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := write(path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: over a file: %v", name, err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != "first" {
			t.Errorf("%s: it holds %q, %v", name, data, err)
		}
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
		onlyOne(t, dir)
		// A link to nowhere is something, too.
		if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
			continue // Windows lets few users make one
		}
		if err := write(filepath.Join(dir, "link"), nil, 0o600); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: over a link: %v", name, err)
		}
	}
}
