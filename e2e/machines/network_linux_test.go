package machines

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

func devicesOf(t *testing.T, n node) api.Devices {
	t.Helper()
	var list api.Devices
	if err := json.Unmarshal([]byte(n.Must("devices", "--json").Stdout), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func addStock(t *testing.T, n node, s *stock, address string) api.AddedLine {
	t.Helper()
	var line api.AddedLine
	out := n.Must("devices", "add", s.id, "--name", s.name, "--address", address, "--json").Stdout
	if err := json.Unmarshal([]byte(out), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

// awaitConnected waits until a device is connected to exactly those that are
// called so.
func awaitConnected(n node, names ...string) {
	n.TB.Helper()
	slices.Sort(names)
	n.AwaitStatus("connected to "+strings.Join(names, ", "), func(s api.Status) bool {
		var got []string
		for _, p := range s.Peers {
			if p.Connected {
				got = append(got, p.Name)
			}
		}
		slices.Sort(got)
		return len(got) == len(s.Peers) && slices.Equal(got, names)
	})
}

// each does something on all nodes at the same time.
func each(nodes []node, do func(node)) {
	var all sync.WaitGroup
	for _, n := range nodes {
		all.Go(func() { do(n) })
	}
	all.Wait()
}

func others(nodes []node, but node) (names []string) {
	for _, n := range nodes {
		if n != but {
			names = append(names, n.Name)
		}
	}
	return names
}

// mustNotKnow fails if a device still knows the ID after a restart, at which it
// tells Syncthing all anew.
func mustNotKnow(t *testing.T, n node, id string) {
	t.Helper()
	n.Must("stop")
	n.Must("start")
	if strings.Contains(readFile(t, n.Path(".botsync", "engine", "config.xml")), id) {
		t.Errorf("the engine of %s is told of %s", n.Name, id)
	}
	for _, d := range devicesOf(t, n).Devices {
		if d.ID == id {
			t.Errorf("%s lists %s", n.Name, id)
		}
	}
}

// mustHaveTheSame waits until all files are the same everywhere.
func mustHaveTheSame(t *testing.T, nodes []node, more ...*stock) {
	t.Helper()
	for _, folder := range []string{"shared", "deliverables", "inbox"} {
		dirs := map[string]string{}
		for _, n := range nodes[1:] {
			dirs[n.Name] = n.Path(folder)
		}
		for _, s := range more {
			dirs[s.name] = s.path(folder)
		}
		diff := "not looked"
		defer func() {
			if diff != "" {
				t.Log(diff)
			}
		}()
		botsynctest.Await(t, folder+" is the same everywhere", func() bool {
			for name, dir := range dirs {
				if diff = botsynctest.TreeDiff(nodes[0].Path(folder), dir); diff != "" {
					diff = folder + " of " + nodes[0].Name + " and " + name + ":\n" + diff
					return false
				}
			}
			return true
		})
	}
}

// mustListTheSame fails unless all nodes list themselves and those without
// botsync, and nobody else, alike.
func mustListTheSame(t *testing.T, nodes []node, more ...*stock) {
	t.Helper()
	var want []string
	for _, n := range nodes {
		var got []string
		for _, d := range devicesOf(t, n).Devices {
			got = append(got, fmt.Sprint(d.ID, " ", d.Name, " ", d.Stock, " ", d.AddedAt, " by ", d.AddedBy.ID))
		}
		slices.Sort(got)
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) || len(got) != len(nodes)+len(more) {
			t.Errorf("%s lists\n%s\nand %s\n%s", n.Name, strings.Join(got, "\n"), nodes[0].Name, strings.Join(want, "\n"))
		}
	}
}

// noneOf fails if anything below the roots has such a name.
func noneOf(t *testing.T, nodes []node, pattern string) {
	t.Helper()
	for _, n := range nodes {
		for _, folder := range []string{"shared", "deliverables", "inbox"} {
			if found, _ := filepath.Glob(n.Path(folder, pattern)); len(found) > 0 {
				t.Errorf("%s has %v", n.Name, found)
			}
		}
	}
}

// Ten devices on one network, each of which was let in by another one.
func TestTenDevices(t *testing.T) {
	t.Parallel()
	names := []string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	var nodes []node
	for i, m := range lan(t, names...) {
		nodes = append(nodes, m.node(names[i]))
	}
	code := nodes[0].Init().Code
	for i, guest := range nodes[1:9] {
		if i > 0 {
			code = nodes[i].Invite().Code
		}
		guest.Join(code)
	}
	for _, n := range nodes[:9] {
		awaitConnected(n, others(nodes[:9], n)...)
	}

	// The last one joins through one member.
	ten, code := nodes[9], nodes[4].Invite().Code
	joined := ten.Join(code)
	start := time.Now()
	awaitConnected(ten, others(nodes, ten)...)
	t.Logf("connected to all nine %v after join returned, which had waited %.0f ms for the first", time.Since(start), joined.Timing.ConnectMS)
	each(nodes[:9], func(n node) { awaitConnected(n, others(nodes, n)...) })

	// A file of each is on all others.
	var took []time.Duration
	for i, from := range nodes {
		name := fmt.Sprintf("shared/of %s", from.Name)
		start := time.Now()
		from.Write(name, from.Name)
		missing := slices.Delete(slices.Clone(nodes), i, i+1)
		botsynctest.Await(t, name+" is everywhere", func() bool {
			missing = slices.DeleteFunc(missing, func(n node) bool {
				got, err := os.ReadFile(n.Path(filepath.FromSlash(name)))
				if err != nil || string(got) != from.Name {
					return false
				}
				took = append(took, time.Since(start))
				return true
			})
			return len(missing) == 0
		})
	}
	slices.Sort(took)
	t.Logf("a file on another device: p50 %v, p95 %v, max %v", took[len(took)/2], took[len(took)*95/100], took[len(took)-1])

	// One is removed.
	gone, stay := nodes[6], slices.Delete(slices.Clone(nodes), 6, 7)
	id := gone.Status().Device.ID
	start = time.Now()
	nodes[1].Must("devices", "remove", gone.Name)
	each(stay, func(n node) { awaitConnected(n, others(stay, n)...) })
	t.Logf("removed everywhere %v after devices remove was called", time.Since(start))
	gone.AwaitStatus("that it is out", func(s api.Status) bool {
		return hasProblem(s, "removed") && !slices.ContainsFunc(s.Peers, func(p api.Peer) bool { return p.Connected })
	})
	gone.Must("stop")
	gone.Must("start")
	gone.Write("shared/secret", "of nobody else")
	for _, n := range stay {
		n.Write("shared/fence of "+n.Name, "there")
	}
	mustHaveTheSame(t, stay)
	mustListTheSame(t, stay)
	noneOf(t, stay, "secret*")
	noneOf(t, []node{gone}, "fence*")
	mustNotKnow(t, nodes[2], id)
}
