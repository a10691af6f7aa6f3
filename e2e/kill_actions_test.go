//go:build unix

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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

// killing is two nodes on which an action is done and killed, over and over.
type killing struct {
	agent, laptop *botsynctest.Node
	round         int
	since         time.Time         // when the harm began
	want          map[string]string // what is in the folder in the end
	said          [2]string         // by the command, the first time and the second
}

func (k *killing) write(t *testing.T) {
	t.Helper()
	k.round++
	k.want = map[string]string{}
	for i := range 12 {
		k.want[fmt.Sprintf("dir %d/file %d", i%3, i)] = fmt.Sprintf("%d of round %d, %s", i, k.round, strings.Repeat("x", i*5000))
	}
	for name, content := range k.want {
		k.agent.Write("shared/"+name, content)
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
				k.agent.Write("shared/"+name, "an error page")
			}
		}
		k.agent.Must("wait", "--synced", "--timeout", "60s")
		awaitSame(t, k.agent, k.laptop)
	}, []string{"undo", "--by", "agent", "--since", "SINCE"}},
	{"keep one of two versions", func(t *testing.T, k *killing) {
		k.write(t)
		k.laptop.Must("stop")
		for _, name := range []string{"dir 1/file 1", "dir 2/file 2"} {
			k.agent.Write("shared/"+name, "of the agent")
		}
		for _, name := range []string{"dir 1/file 1", "dir 2/file 2"} {
			k.want[name] = fmt.Sprint("of the laptop, later, ", k.round)
			// What is written within one tick of the system's clock is equally new.
			botsynctest.Await(t, "a later time", func() bool {
				k.laptop.Write("shared/"+name, k.want[name])
				return modified(t, k.laptop.Path("shared", name)).After(modified(t, k.agent.Path("shared", name)))
			})
		}
		k.laptop.Must("start")
		for _, n := range []*botsynctest.Node{k.agent, k.laptop} {
			n.AwaitStatus("two conflicts", func(s api.Status) bool { return folderOf(s, "shared").Conflicts == 2 })
		}
	}, []string{"conflicts", "keep", "newest", "--all"}},
}

func modified(t *testing.T, file string) time.Time {
	t.Helper()
	info, err := os.Stat(file)
	must(t, err)
	return info.ModTime()
}

// Killed at every stage of what brings files back or chooses between versions: the
// next start needs no repair, the same command is run again, and everything is as
// it was meant to be, on both sides.
func TestKillsAtEveryStage(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(botsynctest.Seed(t), 0))
	agent, laptop := pair(t)
	k := &killing{agent: agent, laptop: laptop}
	kills := botsynctest.AtLeast(t, killsEnv, 3)
	for _, a := range actions {
		// Once without a kill, to know how long it takes.
		a.prepare(t, k)
		span := k.do(t, agent, a, 0, nil)
		k.check(t, a.name)
		for i := range kills {
			victim := []*botsynctest.Node{agent, laptop}[random.IntN(2)]
			on := []*botsynctest.Node{agent, laptop}[random.IntN(2)]
			a.prepare(t, k)
			at := span * time.Duration(i+1) / time.Duration(kills+1)
			name := fmt.Sprintf("%s by %s, %s killed after %v of %v", a.name, on.Name, victim.Name, at.Round(time.Millisecond), span.Round(time.Millisecond))
			t.Log(name)
			k.do(t, on, a, at, victim)
			k.check(t, name)
		}
	}
}

// do runs the command on a node, has the victim killed after so long, and then
// runs it again. It returns how long the first took.
func (k *killing) do(t *testing.T, on *botsynctest.Node, a action, at time.Duration, victim *botsynctest.Node) time.Duration {
	t.Helper()
	args := slices.Clone(a.args)
	for i := range args {
		if args[i] == "SINCE" {
			args[i] = k.since.UTC().Format(time.RFC3339Nano) // a span would begin later, by what a process takes to start
		}
	}
	begun := time.Now()
	if victim == nil {
		on.Must(args...)
		return time.Since(begun)
	}
	cmd := on.Command(context.Background(), args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	time.Sleep(at) // when the kill comes is what differs
	victim.Kill()
	_ = cmd.Wait()
	took := time.Since(begun)
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
	return took
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
			files := 0
			must(t, filepath.WalkDir(n.Path("shared"), func(p string, d os.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".syncthing.") && filepath.Base(filepath.Dir(p)) != ".stfolder" {
					files++
				}
				return nil
			}))
			return files == len(k.want)
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
