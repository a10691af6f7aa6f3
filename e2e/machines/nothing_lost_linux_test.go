package machines

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// How much TestNothingIsLost does: "make model" asks for more. Operations and
// kills are in all, in rounds of so many operations.
const (
	operationsEnv = "BOTSYNC_TEST_OPERATIONS"
	modelKillsEnv = "BOTSYNC_TEST_KILLS"
	perRound      = 500
)

// Programs on three devices change the same folder in every way, while daemons are
// killed, restarted and suspended, cables pulled, a disk filled and clocks set
// wrong. Then all is well again: soon all trees are equal, and every content that
// any program ever completed writing is there, in a conflict copy or in history,
// unless somebody who had seen it replaced it.
//
// The seed replays what the programs and the troubles draw. What they find, and
// which of them is faster, is as on the first time only by chance.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	seed := botsynctest.Seed(t)
	operations, kills := botsynctest.AtLeast(t, operationsEnv, perRound), botsynctest.AtLeast(t, modelKillsEnv, 8)
	rounds := max(1, operations/perRound)

	small := smallDisk(t, 512<<20)
	sw, list := switched(t, "a", "b", "small")
	var nodes []node
	for _, m := range list {
		nodes = append(nodes, m.node(m.name))
	}
	nodes[2].Root = filepath.Join(small, "sync")
	code := nodes[0].Init().Code
	nodes[1].Join(code)
	nodes[2].Join(nodes[0].Invite().Code)
	mustHaveEachOther(t, nodes...)
	for _, n := range nodes { // the disk of one is small
		file := n.Path(".botsync", "config.toml")
		text := strings.Replace(readFile(t, file), `max_size = ""`, `max_size = "100GB"`, 1)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil || !strings.Contains(text, "100GB") {
			t.Fatalf("config.toml of %s: %v\n%s", n.Name, err, text)
		}
		n.Must("stop")
		n.Must("start")
	}

	l := newLedger(seed)
	trouble := &troubleMaker{Rand: rand.New(rand.NewPCG(seed, 0)), ledger: l, t: t, sw: sw, nodes: nodes, small: small,
		unplugged: map[int]bool{}, did: map[string]int{}}
	t.Cleanup(trouble.heal) // before the nodes are stopped
	var users []*user
	for i, n := range nodes {
		u := &user{Rand: rand.New(rand.NewPCG(seed, uint64(i+1))), ledger: l, device: n.Name, root: n.Path("shared"), outside: n.Path("outside")}
		if err := os.Mkdir(u.outside, 0o755); err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	for round := range rounds {
		start := time.Now()
		work(users, trouble, operations/rounds, (kills+rounds-1)/rounds)
		worked := time.Since(start)
		trouble.heal()
		awaitQuiet(t, trouble)
		settle(t, l, nodes)
		whole, owed := l.counts()
		t.Logf("round %d of %d: %d operations, %d contents, %d owed, troubles %v; %v and %v until all was quiet",
			round+1, rounds, steps(users), whole, owed, trouble.did, worked.Round(time.Second), (time.Since(start) - worked).Round(100*time.Millisecond))
		if t.Failed() {
			return
		}
	}
}

func steps(users []*user) (n int) {
	for _, u := range users {
		n += u.steps
	}
	return n
}

// work has the users and the trouble go on until there were so many operations
// and kills. Whoever has done his part goes on slowly.
func work(users []*user, trouble *troubleMaker, operations, kills int) {
	done := make(chan struct{})
	var all sync.WaitGroup
	defer all.Wait()
	defer close(done)
	var busy atomic.Int32
	for _, u := range users {
		busy.Add(1)
		all.Go(func() {
			pause := 60 // milliseconds, at most
			for n := 0; ; n++ {
				u.step()
				if n == operations/len(users) {
					busy.Add(-1)
					pause = 500
				}
				select {
				case <-done:
					return
				case <-time.After(time.Duration(u.IntN(pause)) * time.Millisecond):
				}
			}
		})
	}
	most, said := trouble.did["kill"]+kills, time.Now()
	for busy.Load() > 0 || trouble.did["kill"] < most {
		trouble.make()
		trouble.pause(800)
		if time.Since(said) > progress {
			said = time.Now()
			whole, _ := trouble.counts()
			trouble.t.Logf("%d contents, troubles %v", whole, trouble.did)
		}
	}
}

// progress is how often work says how far it is.
const progress = 20 * time.Second

// awaitQuiet waits until all have the same and nobody lacks anything.
func awaitQuiet(t *testing.T, trouble *troubleMaker) {
	t.Helper()
	nodes := trouble.nodes
	var last string
	defer func() {
		if last == "" {
			return
		}
		t.Logf("- %s, + another:\n%s", nodes[0].Name, last)
		for _, n := range nodes { // which files it is about
			r := n.Run("wait", "--synced", "--timeout", "3s")
			t.Logf("%s: exit %d\n%s%s", n.Name, r.Exit, r.Stdout, r.Stderr)
		}
		t.Logf("after a look at everything:\n%s", unrest(nodes))
		t.Logf("on the small disk are:\n%s", largest(trouble.small, 10))
	}()
	botsynctest.AwaitFor(t, 5*botsynctest.Patience, "the same on all devices", func() bool {
		time.Sleep(200 * time.Millisecond) // between looks, which cost
		held := trouble.decide()
		last = unrest(nodes)
		return last == "" && !held
	})
}

// largest lists the largest files below a directory, and the room that all of them take.
func largest(dir string, n int) string {
	type file struct {
		name string
		size int64
	}
	var all []file
	var sum int64
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // it is gone already
		}
		if info, err := d.Info(); err == nil {
			all = append(all, file{p, info.Size()})
			sum += info.Size()
		}
		return nil
	})
	slices.SortFunc(all, func(a, b file) int { return cmp.Compare(b.size, a.size) })
	var out strings.Builder
	for _, f := range all[:min(n, len(all))] {
		fmt.Fprintf(&out, "%d %s\n", f.size, f.name)
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err == nil {
		fmt.Fprintf(&out, "%d in all files, and %d are taken: the rest has no name", sum, (int64(disk.Blocks)-int64(disk.Bfree))*disk.Bsize)
	}
	return out.String()
}

// unrest says what is not as it should be when nothing happens any more.
func unrest(nodes []node) string {
	var out strings.Builder
	for _, n := range nodes {
		s := n.Status()
		for _, p := range s.Peers {
			if !p.Connected || p.NeedFiles > 0 {
				fmt.Fprintf(&out, "%s: peer %+v\n", n.Name, p)
			}
		}
		for _, f := range s.Folders {
			if f.State != api.FolderIdle && f.State != api.FolderHeld || f.NeedFiles > 0 {
				fmt.Fprintf(&out, "%s: folder %+v\n", n.Name, f)
			}
		}
	}
	for _, n := range nodes[1:] {
		out.WriteString(botsynctest.TreeDiff(nodes[0].Path("shared"), n.Path("shared")))
	}
	return out.String()
}

// settle holds what is owed against what is there.
func settle(t *testing.T, l *ledger, nodes []node) {
	t.Helper()
	there := map[hash]string{}
	for _, n := range nodes {
		found, err := have(n.Path("shared"), n.Path(".botsync", "versions"))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(there, found)
	}
	for h, path := range there {
		data, err := os.ReadFile(path)
		if err != nil || sha256.Sum256(data) != h {
			t.Errorf("%s changes after all was quiet: %v", path, err)
			continue
		}
		l.mu.Lock()
		if l.contents[h] == nil && !l.begun(data) {
			t.Errorf("%s has what nobody wrote: %.80q", path, data)
		}
		l.mu.Unlock()
	}
	for h, what := range l.strange {
		t.Errorf("nobody has written %s: %s", h, what)
	}
	for i, x := range l.lost(there) {
		if i == 5 {
			t.Errorf("and more")
			break
		}
		t.Errorf("lost: %s, owed by %s: %s\n%s", x.hash, strings.Join(x.by, ", "), x.title, l.story(x))
		for _, n := range nodes {
			for line := range strings.Lines(n.Run("log", "--json", "--path", "shared/"+filepath.Dir(x.path), "--since", "0", "--limit", "0").Stdout) {
				if strings.Contains(line, `"`+x.path) {
					t.Logf("%s: %s", n.Name, line)
				}
			}
		}
	}
}
