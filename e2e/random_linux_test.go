package e2e

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/botsync/botsync/internal/botsynctest"
)

// changesEnv is how many changes each of the programs makes that change a folder
// as fast as they can, in each round of TestNoChangeIsMissed and its like; 20000
// take ten minutes.
const changesEnv = "BOTSYNC_TEST_CHANGES"

// Whatever several programs do to a folder at the same time, as fast as they can,
// the other side has all of it soon after. Nothing here asks for a scan of the
// folder, as "wait --synced" does, which would hide what the watch has missed.
func TestNoChangeIsMissed(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	release(agent)
	c := newCrowd(t, agent)
	for range 3 {
		c.change(t, botsynctest.AtLeast(t, changesEnv, 500))
		awaitFolder(t, agent, laptop)
	}
	noConflicts(t, agent, laptop)
	agent.Must("wait", "--synced", "--peer", laptop.Name)
	if diff := botsynctest.TreeDiff(agent.Path("shared"), laptop.Path("shared")); diff != "" {
		t.Errorf("not synced:\n%s", diff)
	}
}

// awaitFolder waits until shared is the same on both sides. It looks no more than
// ten times a second: reading all files keeps the processors from those that it
// waits for.
func awaitFolder(t *testing.T, a, b *botsynctest.Node) {
	t.Helper()
	a.Write("shared/last", fmt.Sprint(rand.Uint64()))
	botsynctest.Await(t, "the last change", func() bool {
		return botsynctest.TreeDiff(a.Path("shared", "last"), b.Path("shared", "last")) == ""
	})
	var diff string
	defer func() {
		if !t.Failed() {
			return
		}
		t.Logf("- %s, + %s:\n%s", a.Name, b.Name, diff)
		a.Run("wait", "--synced", "--timeout", "10s")
		if diff = botsynctest.TreeDiff(a.Path("shared"), b.Path("shared")); diff == "" {
			t.Logf("after a look at everything it is the same: %s has missed a change", a.Name)
		} else {
			t.Logf("after a look at everything there is left:\n%s", diff)
		}
	}()
	var looked time.Time
	botsynctest.Await(t, "the same files on both sides", func() bool {
		if time.Since(looked) < 100*time.Millisecond {
			return false
		}
		diff = botsynctest.TreeDiff(a.Path("shared"), b.Path("shared"))
		looked = time.Now()
		return diff == ""
	})
}

func noConflicts(t *testing.T, nodes ...*botsynctest.Node) {
	t.Helper()
	for _, n := range nodes {
		for _, f := range n.Status().Folders {
			if f.Conflicts > 0 {
				t.Errorf("%s: %d conflicts in %s", n.Name, f.Conflicts, f.Name)
			}
		}
	}
}

// crowd is several programs that change the same folder.
type crowd []*vandal

func newCrowd(t *testing.T, n *botsynctest.Node) crowd {
	t.Helper()
	seed := botsynctest.Seed(t)
	outside := n.Path("outside") // on the same disk
	must(t, os.Mkdir(outside, 0o755))
	var c crowd
	for i := range 4 {
		c = append(c, &vandal{Rand: rand.New(rand.NewPCG(seed, uint64(i))), id: i, root: n.Path("shared"), outside: outside})
	}
	return c
}

// kindsEnv, set to anything, has names of files and directories drawn from the
// same few, so that a path is now the one and now the other many times before
// the other side has heard of it. Syncthing does not get over that: what it finds
// in the way it takes for a change of its own, or keeps for good.
const kindsEnv = "BOTSYNC_TEST_KINDS"

// change has each do so many things.
func (c crowd) change(t *testing.T, steps int) {
	t.Helper()
	var all sync.WaitGroup
	for _, v := range c {
		all.Go(func() {
			v.swapKind()
			for range steps {
				v.step()
			}
			v.release(len(v.held))
		})
	}
	all.Wait()
}

// vandal changes a folder in every way. Most of what it does is in a directory of
// its own, and the rest anywhere.
type vandal struct {
	*rand.Rand
	id            int
	root, outside string
	held          []*os.File
	n             int
}

// directory draws the path of a directory, and file that of a file or a link.
func (v *vandal) directory() string { return v.draw('a') }

func (v *vandal) file() string {
	if os.Getenv(kindsEnv) != "" {
		return v.draw('a')
	}
	return filepath.Join(filepath.Dir(v.draw('a')), string(rune('e'+v.IntN(4))))
}

func (v *vandal) draw(first rune) string {
	own := v.id
	if v.IntN(4) == 0 {
		own = v.IntN(4)
	}
	p := filepath.Join(v.root, fmt.Sprint("of ", own))
	for range 1 + v.IntN(4) {
		p = filepath.Join(p, string(first+rune(v.IntN(4))))
	}
	return p
}

// swapKind puts a directory in the place of a file and the other way round.
func (v *vandal) swapKind() {
	for _, p := range []string{"one", "two"} {
		p = filepath.Join(v.root, fmt.Sprint(p, " of ", v.id))
		info, err := os.Lstat(p)
		_ = os.RemoveAll(p)
		if err == nil && info.IsDir() == (v.IntN(4) > 0) {
			_ = os.WriteFile(p, v.data(), 0o644)
		} else {
			_ = os.MkdirAll(filepath.Join(p, "deep"), 0o755)
			_ = os.WriteFile(filepath.Join(p, "deep", "in"), v.data(), 0o644)
		}
	}
}

func (v *vandal) data() []byte {
	v.n++
	return fmt.Appendf(nil, "%d by %d", v.n, v.id)
}

// step changes something, or fails to: what is not possible is no change.
func (v *vandal) step() {
	data := v.data()
	d, e, f, g := v.directory(), v.directory(), v.file(), v.file()
	p, q := f, g // something and where to move it
	if v.IntN(2) == 0 {
		p, q = d, e
	}
	switch v.IntN(24) {
	case 0, 1, 2, 3:
		_ = os.WriteFile(f, data, 0o644)
	case 4, 5:
		if f, err := os.OpenFile(f, os.O_APPEND|os.O_WRONLY, 0); err == nil {
			_, _ = f.Write(data)
			f.Close()
		}
	case 6: // slowly
		if f, err := os.OpenFile(f, os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_, _ = f.Write(data)
			v.held = append(v.held, f)
		}
	case 7:
		v.release(v.IntN(len(v.held) + 1))
	case 8, 9:
		_ = os.MkdirAll(d, 0o755)
	case 10: // a directory that is filled at once
		if os.MkdirAll(filepath.Join(d, "x", "y"), 0o755) == nil {
			_ = os.WriteFile(filepath.Join(d, "x", "y", "new"), data, 0o644)
		}
	case 11, 12, 13, 14: // a file or a tree, perhaps over another one
		_ = os.Rename(p, q)
	case 15: // written elsewhere, and put over what is there
		away := filepath.Join(v.outside, fmt.Sprint("file ", v.id, v.n))
		_ = os.WriteFile(away, data, 0o644)
		_ = os.Rename(away, f)
	case 16:
		_ = os.RemoveAll(p)
	case 17:
		_ = os.Remove(f)
		_ = os.Symlink(filepath.Base(g), f)
	case 18, 19:
		_ = os.Link(f, g)
	case 20:
		_ = os.Truncate(f, int64(v.IntN(5)))
	case 21:
		if info, err := os.Lstat(p); err == nil && info.Mode()&fs.ModeSymlink == 0 {
			_ = os.Chmod(p, []os.FileMode{0o700, 0o755, 0o744}[v.IntN(3)])
		}
	case 22: // out of the folder and in again, whole
		away := filepath.Join(v.outside, fmt.Sprint("tree ", v.id, v.n))
		if os.Rename(d, away) == nil {
			_ = os.WriteFile(filepath.Join(away, "while away"), data, 0o644)
			_ = os.MkdirAll(filepath.Join(away, "dir while away"), 0o755)
			if v.IntN(2) == 0 {
				_ = os.Rename(away, e)
				_ = os.WriteFile(filepath.Join(e, "dir while away", "after"), data, 0o644)
			}
		}
	case 23:
		_ = unix.Renameat2(unix.AT_FDCWD, p, unix.AT_FDCWD, q, unix.RENAME_EXCHANGE)
	}
}

func (v *vandal) release(n int) {
	for _, f := range v.held[:n] {
		_, _ = f.WriteString("end")
		f.Close()
	}
	v.held = v.held[n:]
}
