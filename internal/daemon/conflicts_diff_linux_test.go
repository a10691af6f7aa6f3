package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/engine"
)

// A name makes no lines of a diff.
func TestDiffOfForgedName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const name, copied = "a\n+++ forged\u202e", "b\n@@ -1 +1 @@"
	for file, text := range map[string]string{name: "1\n", copied: "2\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	of := func(p string) version { return version{path: p, known: true, file: engine.File{Size: 2}} }
	c := &inConflict{folder: "shared", path: name, versions: []version{of(name), of(copied)}}
	left := diffRoom{text: maxDiffs, read: maxDiffRead}
	got := c.diff(folder, c.versions[1], &left)
	if lines := strings.Split(got.Diff, "\n"); len(lines) != 7 || lines[1] != `--- "shared/a\n+++ forged\u202e"` || lines[4] != "-1" {
		t.Errorf("%q, %s", got.Diff, got.Why)
	}
}
