package machines

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// The life of a network with real daemons: the founder is off after the second
// join, each device is let in by another one, one is removed while it cannot hear
// of it, and two have no botsync.
func TestNetworkInTrouble(t *testing.T) {
	t.Parallel()
	old, current := installedSyncthing(t), currentSyncthing(t)
	names := []string{"founder", "a", "b", "c", "d", "e", "nas", "phone"}
	sw, machines := switched(t, names...)
	sw.sh("ip link add br1 type bridge; ip link set br1 up")
	var nodes []node
	for i, name := range names[:6] {
		nodes = append(nodes, machines[i].node(name))
	}
	founder, a, b, c, d, e := nodes[0], nodes[1], nodes[2], nodes[3], nodes[4], nodes[5]

	a.Join(founder.Init().Code)
	b.Join(a.Invite().Code)
	founder.AwaitPeers(2)
	founder.Must("stop")
	founder.Write("inbox/of the founder", "written while it is off")

	// Each is let in by the one that came last: five devices by five hosts.
	c.Join(b.Invite().Code)
	nas := machines[6].stockSyncthing("nas", old)
	d.Join(c.Invite().Code)
	phone := machines[7].stockSyncthing("phone", current)
	e.Join(d.Invite().Code)
	but := func(name string) func(api.Peer) bool { return func(p api.Peer) bool { return p.Name != name } }
	awaitAll := func(list []node, of func(api.Peer) bool, count int) {
		t.Helper()
		for _, n := range list {
			n.AwaitStatus("connected to all", func(s api.Status) bool {
				peers := slices.DeleteFunc(s.Peers, func(p api.Peer) bool { return !of(p) })
				return len(peers) == count && !slices.ContainsFunc(peers, func(p api.Peer) bool { return !p.Connected })
			})
		}
	}
	awaitAll(nodes[1:], but("founder"), 4)
	ids := map[string]string{}
	for _, n := range devicesOf(t, a).Devices {
		ids[n.Name] = n.ID
	}

	// Two that have no botsync, added at two devices, know all others by what was
	// printed there.
	added := addStock(t, c, nas, "tcp://10.7.0.7:22000")
	nas.accept(added)
	phone.accept(addStock(t, e, phone, "tcp://10.7.0.8:22000"))
	awaitAll(nodes[1:], but("founder"), 6)
	for _, n := range nodes[1:] {
		n.Write("shared/of "+n.Name, n.Name)
		n.Write("deliverables/by "+n.Name, n.Name)
	}
	stocks := []*stock{nas, phone}
	for _, s := range stocks {
		botsynctest.Await(t, s.name+" has what a wrote", func() bool {
			got, err := os.ReadFile(s.path("shared", "of a"))
			return err == nil && string(got) == "a"
		})
		for _, f := range added.Folders {
			s.write(f.ID, f.Name, "of "+s.name, s.name)
		}
	}
	for _, n := range nodes[1:] {
		n.AwaitFile("inbox/of nas", "nas")
		n.AwaitFile("inbox/of phone", "phone")
	}
	mustHaveTheSame(t, nodes[1:], stocks...)

	// d and e are on a network of their own. There the two go on, and here e is
	// removed.
	sw.sh("ip link set port4 master br1; ip link set port5 master br1")
	var removed api.RemovedLine
	if err := json.Unmarshal([]byte(b.Must("devices", "remove", "e", "--json").Stdout), &removed); err != nil {
		t.Fatal(err)
	}
	if len(removed.Stock) != 2 {
		t.Errorf("to be told by hand: %+v", removed.Stock)
	}
	for _, s := range stocks {
		s.forget(ids["e"]) // a person has to do that
	}
	for _, n := range []node{a, b, c} {
		n.AwaitStatus("no e", func(s api.Status) bool {
			return !slices.ContainsFunc(s.Peers, func(p api.Peer) bool { return p.Name == "e" })
		})
	}
	a.Write("shared/while apart", "here")
	c.AwaitFile("shared/while apart", "here")
	e.Write("shared/last of e", "e")
	e.Write("shared/of e", "changed by e")
	d.AwaitFile("shared/last of e", "e")
	d.AwaitFile("shared/of e", "changed by e")

	// One network again.
	sw.sh("ip link set port4 master br0; ip link set port5 master br0")
	awaitAll([]node{a, b, c, d}, but("founder"), 5)
	e.AwaitStatus("that it is out", func(s api.Status) bool {
		return hasProblem(s, "removed") || hasProblem(s, "peer_refuses")
	})
	// What it wrote before d knew is everybody's; what it writes now is its own.
	a.AwaitFile("shared/last of e", "e")
	d.AwaitFile("shared/while apart", "here")
	e.Must("stop")
	e.Must("start")
	e.Write("shared/secret", "of nobody else")

	// The founder comes back. It has heard neither of those that joined nor of the
	// one that was removed, whom it never knew.
	founder.Must("start")
	stay := []node{a, b, c, d, founder}
	awaitAll(stay, func(api.Peer) bool { return true }, 6)
	for _, n := range stay {
		n.Write("inbox/fence of "+n.Name, n.Name)
	}
	mustHaveTheSame(t, stay, stocks...)
	mustListTheSame(t, stay, stocks...)
	noneOf(t, stay, "secret*")
	noneOf(t, []node{e}, "fence*")
	for _, n := range stay {
		if list := devicesOf(t, n); len(list.Removed) != 1 || list.Removed[0].ID != ids["e"] || list.Removed[0].RemovedBy.ID != ids["b"] {
			t.Errorf("%s lists as removed: %+v", n.Name, list.Removed)
		}
	}
	for _, s := range stocks {
		if s.connected()[ids["e"]] {
			t.Errorf("%s is connected to e", s.name)
		}
	}
	each(stay, func(n node) { mustNotKnow(t, n, ids["e"]) })
	awaitAll(stay, func(api.Peer) bool { return true }, 6)
}
