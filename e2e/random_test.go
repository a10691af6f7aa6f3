//go:build unix

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/botsynctest"
)

// Whatever both sides do at the same time, each with its own files, in the end
// both have the same, and nothing became a conflict.
func TestAnyChangesArrive(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	release(agent, laptop)
	written := time.Now() // each device's own, and to be compared like the rest
	for _, folder := range folders {
		for _, n := range []*botsynctest.Node{agent, laptop} {
			n.Write(folder+"/.stignore", "!*\n") // names of every kind
			must(t, os.Chtimes(n.Path(folder, ".stignore"), written, written))
		}
	}
	awaitSame(t, agent, laptop)
	for _, n := range []*botsynctest.Node{agent, laptop} {
		for _, folder := range folders {
			botsynctest.Await(t, "nothing is kept out", func() bool {
				return strings.Contains(n.Must("ignores", folder+"/~$x").Stdout, " would be synced")
			})
		}
	}
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		names := rapid.SliceOfNDistinct(fileName(), 4, 8, rapid.ID).Draw(rt, "names")
		steps := rapid.SliceOfN(step(names), 5, 40)
		type half struct {
			dir   string
			steps []change
		}
		var halves []half
		for _, n := range []*botsynctest.Node{agent, laptop} {
			dir := n.Path(folders[round%len(folders)], fmt.Sprintf("round %d by %s", round, n.Name))
			must(t, os.MkdirAll(dir, 0o755))
			halves = append(halves, half{dir, steps.Draw(rt, n.Name)})
		}
		for i := 0; i < max(len(halves[0].steps), len(halves[1].steps)); i++ {
			for _, h := range halves {
				if i < len(h.steps) {
					h.steps[i].apply(rt, h.dir)
				}
			}
		}
		awaitSame(t, agent, laptop)
		for _, f := range agent.Status().Folders {
			if f.Conflicts > 0 {
				rt.Fatalf("%d conflicts in %s", f.Conflicts, f.Name)
			}
		}
	})
}

// fileName draws names as an editor or a program may make them. Not drawn are
// those that Syncthing keeps for itself, and the forms of letters that it
// changes: it writes every name in Unicode's normal form C.
func fileName() *rapid.Generator[string] {
	odd := rapid.SampledFrom([]rune("aZ0 ._-~#%'\"\\$*?[:\n\té日🙂"))
	return rapid.Custom(func(t *rapid.T) string {
		name := norm.NFC.String(rapid.StringOfN(rapid.OneOf(odd, rapid.Rune()), 1, 40, 120).Draw(t, "name"))
		return strings.Map(func(r rune) rune {
			if r == '/' || r == 0 {
				return '_'
			}
			return r
		}, name)
	}).Filter(func(name string) bool {
		for _, taken := range []string{".st", ".syncthing.", "~syncthing~"} {
			if strings.HasPrefix(name, taken) {
				return false
			}
		}
		return name != "." && name != ".." && len(name) < 200 && !strings.Contains(name, ".sync-conflict-")
	})
}

// change is one thing that a user does.
type change struct {
	what     string
	from, to string // paths, slash-separated
	size     int
	mode     os.FileMode
}

func step(names []string) *rapid.Generator[change] {
	path := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(t, "path"), "/")
	})
	return rapid.Custom(func(t *rapid.T) change {
		return change{
			what: rapid.SampledFrom([]string{"write", "write", "write", "mkdir", "link", "remove", "rename", "rename", "chmod", "append", "touch"}).Draw(t, "what"),
			from: path.Draw(t, "from"), to: path.Draw(t, "to"),
			size: rapid.IntRange(0, 200_000).Draw(t, "size"),
			mode: rapid.SampledFrom([]os.FileMode{0o600, 0o644, 0o755, 0o700}).Draw(t, "mode"),
		}
	})
}

// apply does it, or not: what is not possible here is no change.
func (c change) apply(t *rapid.T, dir string) {
	from, to := filepath.Join(dir, c.from), filepath.Join(dir, c.to)
	switch c.what {
	case "write":
		_ = os.MkdirAll(filepath.Dir(from), 0o755)
		_ = os.WriteFile(from, noise(c.size), c.mode)
	case "append":
		if f, err := os.OpenFile(from, os.O_APPEND|os.O_WRONLY, 0); err == nil {
			_, _ = f.Write(noise(c.size))
			f.Close()
		}
	case "mkdir":
		_ = os.MkdirAll(from, 0o755)
	case "link":
		_ = os.MkdirAll(filepath.Dir(from), 0o755)
		_ = os.Symlink(c.to, from)
	case "remove":
		_ = os.RemoveAll(from)
	case "rename":
		_ = os.Rename(from, to)
	case "chmod":
		if info, err := os.Lstat(from); err == nil && info.Mode().IsRegular() {
			_ = os.Chmod(from, c.mode)
		}
	case "touch":
		if info, err := os.Lstat(from); err == nil && info.Mode().IsRegular() {
			at := time.Unix(int64(c.size), int64(c.size))
			_ = os.Chtimes(from, at, at)
		}
	default:
		t.Fatalf("what is %q?", c.what)
	}
}

// noise is data that nothing else has.
func noise(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	return data
}
