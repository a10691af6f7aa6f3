//go:build unix

package e2e

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

var folders = []string{"shared", "deliverables", "inbox"}

// pair returns two connected nodes without roles: everything goes both ways.
func pair(t *testing.T) (agent, laptop *botsynctest.Node) {
	t.Helper()
	agent, laptop = botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init().Code)
	return agent, laptop
}

// awaitSame waits until all folders are the same on both sides.
func awaitSame(t *testing.T, a, b *botsynctest.Node) {
	t.Helper()
	var diff string
	defer func() {
		if t.Failed() {
			t.Logf("- %s, + %s:\n%s", a.Name, b.Name, diff)
		}
	}()
	botsynctest.AwaitProgress(t, "the same files on both sides", func() (string, bool) {
		diff = ""
		for _, folder := range folders {
			diff += botsynctest.TreeDiff(a.Path(folder), b.Path(folder))
		}
		return diff, diff == ""
	})
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// names are those that a program might get wrong.
var names = []string{
	"two words", " leading and trailing ", "🙂 emoji 👩‍👩‍👧", "日本語.txt", "new\nline", "tab\there", "-rf", "--", "%s%n", "$(reboot)",
	"quote'\"`", `back\slash`, "a*b?c[d]", "semi;colon&and|", "~", ".hidden", "..almost", "con", "trailing.", "a:b", "<>",
	"e\u0301 decomposed", "\u00e9 composed", "CASE", "case", "\x01control\x7f", strings.Repeat("long", 58) + ".txt",
}

// Every kind of change, in every folder, from both sides.
func TestFilesArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	sides := []*botsynctest.Node{agent, laptop}
	for i, from := range sides {
		for _, folder := range folders {
			dir := from.Path(folder, "of "+from.Name)
			must(t, os.MkdirAll(filepath.Join(dir, "empty", "deep", "er"), 0o755))
			for n, name := range names {
				// Long ago, to the nanosecond. It gets its name last: one that is not
				// in Unicode's normal form C has another at once.
				at, temp := time.Date(2001, 2, 3, 4, 5, n, 123456789+n, time.UTC), from.Path("temp")
				must(t, os.WriteFile(temp, fmt.Appendf(nil, "%s %d", from.Name, n), 0o644),
					os.Chtimes(temp, at, at), os.Rename(temp, filepath.Join(dir, name)))
			}
			for _, mode := range []os.FileMode{0o600, 0o644, 0o755, 0o400, 0o777, 0o640} {
				path := filepath.Join(dir, fmt.Sprintf("mode %o", mode))
				must(t, os.WriteFile(path, []byte("x"), 0o600), os.Chmod(path, mode))
			}
			private := filepath.Join(dir, "private")
			must(t, os.Mkdir(private, 0o700), os.WriteFile(filepath.Join(private, "file"), nil, 0o600))
			must(t, os.Symlink("two words", filepath.Join(dir, "link")),
				os.Symlink("nowhere/at all", filepath.Join(dir, "dangling")),
				os.Symlink("/etc/hostname", filepath.Join(dir, "absolute")),
				os.Symlink("empty", filepath.Join(dir, "link to directory")))
			random := make([]byte, 300<<10+i) // more than one block
			_, err := rand.Read(random)
			must(t, err, os.WriteFile(filepath.Join(dir, "binary"), random, 0o644))
		}
	}
	awaitSame(t, agent, laptop)

	// The other side changes, renames and deletes what it got.
	for i, by := range sides {
		for _, folder := range folders {
			dir := by.Path(folder, "of "+sides[1-i].Name)
			must(t, os.WriteFile(filepath.Join(dir, "tab\there"), []byte("changed by "+by.Name), 0o644))
			must(t, os.Rename(filepath.Join(dir, "日本語.txt"), filepath.Join(dir, "renamed 日本語.txt")))
			must(t, os.Rename(filepath.Join(dir, "empty"), filepath.Join(dir, "moved")))
			must(t, os.Rename(filepath.Join(dir, "private"), by.Path(folder, "private of "+sides[1-i].Name)))
			must(t, os.Remove(filepath.Join(dir, "new\nline")), os.Remove(filepath.Join(dir, "link")))
			must(t, os.Chmod(filepath.Join(dir, "two words"), 0o700))
			must(t, os.Truncate(filepath.Join(dir, "binary"), 100))
			must(t, os.Remove(filepath.Join(dir, "dangling")), os.Symlink("elsewhere", filepath.Join(dir, "dangling")))
			must(t, os.Remove(filepath.Join(dir, "con")), os.Mkdir(filepath.Join(dir, "con"), 0o755)) // a file becomes a directory
		}
	}
	awaitSame(t, agent, laptop)
	for i, of := range sides {
		for _, folder := range folders {
			// On the side that made it: what arrived is what the other did.
			dir := of.Path(folder, "of "+of.Name)
			data, err := os.ReadFile(filepath.Join(dir, "tab\there"))
			must(t, err)
			if want := "changed by " + sides[1-i].Name; string(data) != want {
				t.Errorf("%s: %q, not %q", dir, data, want)
			}
			if _, err := os.Lstat(filepath.Join(dir, "new\nline")); !os.IsNotExist(err) {
				t.Errorf("%s: what was deleted there is here: %v", dir, err)
			}
		}
	}

	// Both daemons stop, both sides change, both start again.
	agent.Must("stop")
	laptop.Must("stop")
	for i, by := range sides {
		dir := by.Path("shared", "of "+sides[1-i].Name)
		must(t, os.WriteFile(filepath.Join(dir, "while stopped"), []byte(by.Name), 0o644))
		must(t, os.Remove(filepath.Join(dir, "..almost")))
		must(t, os.Rename(filepath.Join(dir, "CASE"), filepath.Join(dir, "moved", "CASE")))
	}
	laptop.Must("start")
	agent.Must("start")
	awaitSame(t, agent, laptop)
	// Both are done, and both say so; nothing became a conflict on the way.
	for _, n := range sides {
		n.AwaitPeers(1)
		for _, f := range n.Status().Folders {
			if f.Conflicts != 0 {
				t.Errorf("%s: %d conflicts in %s", n.Name, f.Conflicts, f.Name)
			}
		}
		if r := n.Run("status", "--check"); r.Exit != 0 {
			t.Errorf("%s: %s%s", n.Name, r.Stdout, r.Stderr)
		}
	}
}

// Neither the readers of a file nor a program that finds it see half of it.
func TestOneGiB(t *testing.T) {
	t.Parallel()
	const size = 1 << 30
	agent, laptop := pair(t)
	var disk syscall.Statfs_t
	must(t, syscall.Statfs(agent.Root, &disk))
	if free := disk.Bavail * uint64(disk.Bsize); free < 4*size {
		t.Fatalf("this test needs 4 GiB of disk, and there are %d MiB", free>>20)
	}
	temp := agent.Path("large")
	f, err := os.Create(temp)
	must(t, err)
	// Random where it counts, at no cost: no two blocks are the same.
	block := make([]byte, 128<<10)
	_, err = rand.Read(block)
	must(t, err)
	for n := range size / len(block) {
		copy(block, fmt.Sprintf("%016d", n))
		_, err := f.Write(block)
		must(t, err)
	}
	must(t, f.Close(), os.Rename(temp, agent.Path("inbox", "large")))
	arrived := laptop.Path("inbox", "large")
	botsynctest.AwaitFor(t, 2*botsynctest.Patience, "the large file", func() bool {
		info, err := os.Stat(arrived)
		if err == nil && info.Size() != size {
			t.Fatalf("it has its name already, and %d bytes", info.Size())
		}
		return err == nil
	})
	same(t, agent.Path("inbox", "large"), arrived)
	agent.AwaitPeers(1)
	laptop.AwaitPeers(1)
	sent, err := os.Stat(agent.Path("inbox", "large"))
	must(t, err)
	got, err := os.Stat(arrived)
	must(t, err)
	if got.Mode() != sent.Mode() || !got.ModTime().Equal(sent.ModTime()) {
		t.Errorf("it has %v and %v, not %v and %v", got.Mode(), got.ModTime(), sent.Mode(), sent.ModTime())
	}
}

// same compares two files byte by byte.
func same(t *testing.T, a, b string) {
	t.Helper()
	left, err := os.Open(a)
	must(t, err)
	defer left.Close()
	right, err := os.Open(b)
	must(t, err)
	defer right.Close()
	x, y := make([]byte, 1<<20), make([]byte, 1<<20)
	for at := 0; ; at++ {
		n, errA := io.ReadFull(left, x)
		m, errB := io.ReadFull(right, y)
		if n != m || string(x[:n]) != string(y[:m]) {
			t.Fatalf("they differ in MiB %d", at)
		}
		if errA != nil || errB != nil {
			return
		}
	}
}

func TestFiveThousandSmallFiles(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	for n := range 5000 {
		dir := agent.Path("deliverables", fmt.Sprintf("dir%02d", n%50))
		must(t, os.MkdirAll(dir, 0o755))
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("file%04d", n)), fmt.Appendf(nil, "file %d\n", n), 0o644))
	}
	laptop.AwaitStatus("5,000 files", func(s api.Status) bool { return s.Folders[1].Files == 5000 && s.Folders[1].NeedFiles == 0 })
	awaitSame(t, agent, laptop)
	// And away with them.
	must(t, os.RemoveAll(laptop.Path("deliverables", "dir00")))
	agent.AwaitStatus("100 less", func(s api.Status) bool { return s.Folders[1].Files == 4900 })
	awaitSame(t, agent, laptop)
	agent.AwaitPeers(1)
}
