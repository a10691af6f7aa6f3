package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/engine"
)

// Whatever is in the two versions of a file, and however it is called: they are the same,
// they differ by lines, or it is said why they were not compared; and names make no lines.
func FuzzConflictDiff(f *testing.F) {
	f.Add([]byte("a\nb\n"), []byte("a\nc"), "report")
	f.Add([]byte{}, []byte("\n"), "x")
	f.Add([]byte("\x00"), []byte("\xff\xfe"), "a\n+++ b")
	f.Add([]byte("\r\r\n"), []byte("\u2028"), "\x1b[2J")
	f.Add([]byte(strings.Repeat("a\n", 500)), []byte(strings.Repeat("b\n", 500)), "long")
	f.Fuzz(func(t *testing.T, x, y []byte, name string) {
		dir := t.TempDir()
		if strings.ContainsAny(name, "/\\\x00") || name == "." || name == ".." || os.WriteFile(filepath.Join(dir, name), x, 0o600) != nil ||
			os.WriteFile(filepath.Join(dir, name+".2"), y, 0o600) != nil {
			return // no such names here
		}
		folder, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		of := func(path string, data []byte) version {
			return version{path: path, known: true, file: engine.File{Path: path, Size: int64(len(data)), Modified: time.Unix(1, 0)}}
		}
		c := &inConflict{folder: "shared", path: name, versions: []version{of(name, x), of(name+".2", y)}}
		left := diffRoom{text: 1 << 16, read: 1 << 20}
		d := c.diff(folder, c.versions[1], &left)
		if n := strings.Count(d.Diff, "\n+++ ") + strings.Count(d.Diff, "\n--- "); d.Diff != "" && n < 2 {
			t.Errorf("the diff has no header: %q", d.Diff)
		}
		if d.Same != (string(x) == string(y)) && d.Why == "" {
			t.Errorf("%q and %q are the same: %v", x, y, d.Same)
		}
		if ways := []bool{d.Same, d.Diff != "", d.Why != ""}; strings.Count(fmt.Sprint(ways), "true") != 1 {
			t.Errorf("%+v", d)
		}
	})
}
