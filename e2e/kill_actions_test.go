//go:build unix

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// killsEnv is how often TestKillsCostNothing kills, and how often each action of
// others; 500 of the first take ten minutes.
const killsEnv = "BOTSYNC_TEST_KILLS"

// An action is a command that changes files or the network, and that has to leave
// nothing to repair whenever a daemon is killed on the way.
type action struct {
	name    string
	prepare func(t *testing.T, k *killing)
	args    []string
}

// actionFiles is how many files an action is about: so many that a kill can come when
// some of them are done. Some have bigFile bytes, so that it can come between the
// first and the last of these.
const (
	actionFiles = 80
	bigFile     = 3 << 20
)

// killing is two nodes on which an action is done and killed, over and over.
type killing struct {
	agent, laptop *botsynctest.Node
	round         int
	since         time.Time         // when the harm began
	want          map[string]string // what is in the folder in the end
	written       map[string]bool   // all that was written in this round
	said          [2]string         // by the command, the first time and the second
}

func (k *killing) put(n *botsynctest.Node, name, content string) {
	k.written[content] = true
	n.Write("shared/"+name, content)
}

func (k *killing) write(t *testing.T) {
	t.Helper()
	k.round++
	k.want, k.written = map[string]string{}, map[string]bool{}
	for i := range actionFiles {
		name := fmt.Sprintf("dir %d/file %d", i%3, i)
		size := i * 1000
		if i%10 == 0 {
			size = bigFile
		}
		k.want[name] = fmt.Sprintf("%d of round %d, %s", i, k.round, strings.Repeat("x", size))
		k.put(k.agent, name, k.want[name])
	}
	k.agent.Must("wait", "--synced", "--timeout", "60s")
	awaitSame(t, k.agent, k.laptop)
}

var actions = []action{
	{"restore what is deleted", func(t *testing.T, k *killing) {
		k.write(t)
		removeAll(t, k.agent, "shared")
		letThrough(t, k.agent, k.laptop, "shared")
	}, []string{"restore", "--deleted", "shared"}},
	{"undo", func(t *testing.T, k *killing) {
		k.write(t)
		k.since = time.Now()
		for name := range k.want {
			if strings.HasPrefix(name, "dir 0/") {
				must(t, os.Remove(k.agent.Path("shared", name)))
			} else {
				k.put(k.agent, name, "an error page")
			}
		}
		k.agent.Must("wait", "--synced", "--timeout", "60s")
		awaitSame(t, k.agent, k.laptop)
	}, []string{"undo", "--by", "agent", "--since", "SINCE"}},
	{"keep one of two versions", func(t *testing.T, k *killing) {
		k.write(t)
		k.laptop.Must("stop")
		for name := range k.want {
			k.put(k.agent, name, "of the agent, "+name)
			k.want[name] = fmt.Sprintf("of the laptop, later, %d, %s", k.round, name)
			k.put(k.laptop, name, k.want[name])
			later := modified(t, k.agent.Path("shared", name)).Add(time.Second)
			must(t, os.Chtimes(k.laptop.Path("shared", name), later, later))
		}
		k.laptop.Must("start")
		for _, n := range []*botsynctest.Node{k.agent, k.laptop} {
			n.AwaitStatus("all conflicts", func(s api.Status) bool { return folderOf(s, "shared").Conflicts == actionFiles })
		}
		awaitSame(t, k.agent, k.laptop)
	}, []string{"conflicts", "keep", "newest", "--all"}},
}

func modified(t *testing.T, file string) time.Time {
	t.Helper()
	info, err := os.Stat(file)
	must(t, err)
	return info.ModTime()
}

// A killStage is how far an action is on the device that is killed.
type killStage struct {
	name string
	part float64 // of what there is to do; 0 if something has begun and is not done yet
}

var killStages = []killStage{{"at the beginning", 0}, {"with the first done", 0.001}, {"in the middle", 0.5}, {"near the end", 0.8}}

// killTries is how often a kill may come too late, after all was done.
const killTries = 10

// Killed at every stage of what brings files back or chooses between versions: the
// next start needs no repair, the same command is run again, and everything is as
// it was meant to be, on both sides.
func TestKillsAtEveryStage(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(botsynctest.Seed(t), 0))
	agent, laptop := pair(t)
	k := &killing{agent: agent, laptop: laptop}
	both := []*botsynctest.Node{agent, laptop}
	for _, a := range actions {
		who := random.IntN(4)
		for i := range botsynctest.AtLeast(t, killsEnv, len(killStages)) {
			stage := killStages[i%len(killStages)]
			// Each stage, and each of who runs the command and who dies.
			who := who + i + i/4
			on, victim := both[who%2], both[who/2%2]
			name := fmt.Sprintf("%s by %s, %s killed %s", a.name, on.Name, victim.Name, stage.name)
			for try := 1; ; try++ {
				a.prepare(t, k)
				inTime := k.do(t, on, a, stage, victim)
				k.check(t, name)
				if inTime {
					break
				}
				if try == killTries {
					t.Fatalf("%s: it was always done before", name)
				}
				t.Logf("%s: too late", name)
			}
		}
	}
}

// do runs the command on a node, kills the victim when it has come to a stage, and
// then runs it again. It reports whether the victim had not done all when it died.
func (k *killing) do(t *testing.T, on *botsynctest.Node, a action, stage killStage, victim *botsynctest.Node) (inTime bool) {
	t.Helper()
	args := slices.Clone(a.args)
	for i := range args {
		if args[i] == "SINCE" {
			args[i] = k.since.UTC().Format(time.RFC3339Nano) // a span would begin later, by what a process takes to start
		}
	}
	todo := k.left(t, victim)
	versions := len(historyNames(t, victim))
	cmd := on.Command(context.Background(), args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	awaitMoment(t, a.name+" "+stage.name, func() bool {
		if left := k.left(t, victim); left < todo {
			return float64(todo-left) >= stage.part*float64(todo)
		}
		return stage.part == 0 && (len(parts(t, victim)) > 0 || len(historyNames(t, victim)) > versions)
	})
	victim.Kill()
	left := k.left(t, victim)
	t.Logf("%s by %s: %s killed %s: %d of %d left", a.name, on.Name, victim.Name, stage.name, left, todo)
	for name, content := range filesOf(t, victim) {
		if !k.written[content] {
			t.Errorf("%s killed %s: %s is half there: %d bytes", victim.Name, stage.name, name, len(content))
		}
	}
	_ = cmd.Wait()
	victim.Must("start")
	for _, n := range []*botsynctest.Node{k.agent, k.laptop} {
		n.AwaitStatus("nothing is to be repaired", func(s api.Status) bool {
			return len(s.Problems) == 0 && len(s.Peers) == 1 && s.Peers[0].Connected
		})
	}
	r := on.Run(args...)
	k.said = [2]string{said.String(), fmt.Sprintf("%s%sexit %d", r.Stdout, r.Stderr, r.Exit)}
	if r.Exit != 0 && r.Exit != api.ExitState {
		t.Fatalf("%s, again: exit %d\n%s%s", a.name, r.Exit, r.Stdout, r.Stderr)
	}
	return left > 0
}

// left is how much a node has otherwise than it is wanted: files that are not there
// yet, or hold something else, and those that are too many.
func (k *killing) left(t *testing.T, n *botsynctest.Node) int {
	t.Helper()
	left := len(k.want)
	for name, size := range sizesOf(t, n) {
		if content, ok := k.want[name]; !ok {
			left++
		} else if size == len(content) {
			left--
		}
	}
	return left
}

// sizesOf are the sizes of what is in shared/, by name.
func sizesOf(t *testing.T, n *botsynctest.Node) map[string]int {
	t.Helper()
	out := map[string]int{}
	walkFiles(t, n.Path("shared"), func(name string, e os.DirEntry) {
		if info, err := e.Info(); err == nil && !isPart(e.Name()) {
			out[name] = int(info.Size())
		}
	})
	return out
}

// filesOf is what is in shared/, by name.
func filesOf(t *testing.T, n *botsynctest.Node) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name := range sizesOf(t, n) {
		data, err := os.ReadFile(n.Path("shared", name))
		must(t, err)
		out[name] = string(data)
	}
	return out
}

// parts are the unfinished files in shared/.
func parts(t *testing.T, n *botsynctest.Node) (out []string) {
	t.Helper()
	walkFiles(t, n.Path("shared"), func(name string, e os.DirEntry) {
		if isPart(e.Name()) {
			out = append(out, name)
		}
	})
	return out
}

func isPart(name string) bool { return strings.HasPrefix(name, ".syncthing.") }

// historyNames are the versions that a node keeps.
func historyNames(t *testing.T, n *botsynctest.Node) (out []string) {
	t.Helper()
	walkFiles(t, n.Path(".botsync", "versions"), func(name string, _ os.DirEntry) { out = append(out, name) })
	return out
}

// walkFiles calls f for each file below a directory in which others are at work.
func walkFiles(t *testing.T, dir string, f func(name string, e os.DirEntry)) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil // it was removed meanwhile
		case err != nil:
			return err
		case e.Name() == ".stfolder":
			return filepath.SkipDir
		case e.Type().IsRegular():
			name, err := filepath.Rel(dir, p)
			f(name, e)
			return err
		}
		return nil
	}))
}

// awaitMoment is [botsynctest.Await] for what is over in a moment: it looks all the
// time.
func awaitMoment(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(botsynctest.Patience); !holds(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// check: both have what is wanted, and nothing is left over.
func (k *killing) check(t *testing.T, name string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			k.explain(t)
		}
	}()
	for _, n := range []*botsynctest.Node{k.agent, k.laptop} {
		for file, content := range k.want {
			botsynctest.Await(t, fmt.Sprintf("%s: %s has %s as it was", name, n.Name, file), func() bool {
				got, err := os.ReadFile(n.Path("shared", file))
				return err == nil && string(got) == content
			})
		}
		botsynctest.Await(t, name+": nothing else on "+n.Name, func() bool {
			return len(sizesOf(t, n)) == len(k.want)
		})
		if left, _ := filepath.Glob(n.Path(".botsync", "versions", ".botsync-*")); len(left) > 0 {
			t.Logf("%s: parts of versions are left, which are swept later: %v", n.Name, left)
		}
	}
	awaitSame(t, k.agent, k.laptop)
}

// explain logs what both have instead of what was wanted.
func (k *killing) explain(t *testing.T) {
	t.Helper()
	t.Logf("the command said: %s\nand the second time: %s", k.said[0], k.said[1])
	for _, n := range []*botsynctest.Node{k.agent, k.laptop} {
		for file, content := range k.want {
			if got, err := os.ReadFile(n.Path("shared", file)); err != nil || string(got) != content {
				t.Logf("%s has of %s: %.40q (%d bytes, %v), wanted %.40q (%d bytes)", n.Name, file, got, len(got), err, content, len(content))
				t.Logf("%s: history: %s", n.Name, n.Run("history", "--json", "shared/"+file).Stdout)
			}
		}
		t.Logf("%s: status: %s", n.Name, n.Run("status", "--json").Stdout)
		t.Logf("%s: conflicts: %s", n.Name, n.Run("conflicts", "--json").Stdout)
	}
}
