//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// A program that makes a directory and fills it, or renames one and goes on
// writing there, is faster than the system that watches: its files are noticed
// all the same, within seconds and not at the scan of the next hour.
func TestNothingIsMissed(t *testing.T) {
	t.Parallel()
	n := botsynctest.New(t, "agent")
	n.Init()
	write := func(elem ...string) {
		t.Helper()
		must(t, os.WriteFile(n.Path(append([]string{"shared"}, elem...)...), []byte("0123456789"), 0o644))
	}
	const rounds = 60
	for i := range rounds {
		dir := fmt.Sprintf("new %d", i)
		must(t, os.MkdirAll(n.Path("shared", dir, "deep", "er"), 0o755))
		write(dir, "deep", "er", "file")
		write(dir, "file")
	}
	n.AwaitStatus("new directories", files(2*rounds))
	for i := range rounds {
		from, to := n.Path("shared", fmt.Sprintf("new %d", i)), fmt.Sprintf("renamed %d", i)
		must(t, os.Rename(from, n.Path("shared", to)))
		write(to, "written after")
		write(to, "deep", "written after")
	}
	n.AwaitStatus("renamed directories", files(4*rounds))
	for i := range rounds {
		dir := fmt.Sprintf("renamed %d", i)
		must(t, os.RemoveAll(n.Path("shared", dir)), os.MkdirAll(n.Path("shared", filepath.Join(dir, "again")), 0o755))
		write(dir, "again", "file")
	}
	n.AwaitStatus("directories made anew", files(rounds))
}

func files(count int) func(api.Status) bool {
	return func(s api.Status) bool { return s.Folders[0].Files == count && s.Folders[0].Bytes == int64(10*count) }
}
