package machines

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

type node = *botsynctest.Node

// exchange moves a file each way in every folder.
func exchange(t *testing.T, a, b node, round string) {
	t.Helper()
	for _, folder := range []string{"shared", "deliverables", "inbox"} {
		for _, way := range []struct{ from, to node }{{a, b}, {b, a}} {
			way.from.Write(folder+"/"+round+" from "+way.from.Name, round)
		}
	}
	for _, folder := range []string{"shared", "deliverables", "inbox"} {
		for _, way := range []struct{ from, to node }{{a, b}, {b, a}} {
			way.to.AwaitFile(folder+"/"+round+" from "+way.from.Name, round)
		}
	}
}

// records lists the device records on the node's disk, sorted.
func records(t *testing.T, n node) []string {
	t.Helper()
	entries, err := os.ReadDir(n.Path(".botsync", "network", "devices"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// mustHaveEachOther fails unless the nodes are the whole of one network, for each
// of them and on disk, and connected.
func mustHaveEachOther(t *testing.T, nodes ...node) {
	t.Helper()
	var ids []string
	var statuses []api.Status
	for _, n := range nodes {
		n.AwaitPeers(len(nodes) - 1)
		s := n.AwaitStatus("no join pending", func(s api.Status) bool { return !hasProblem(s, "join_pending") })
		ids, statuses = append(ids, s.Device.ID), append(statuses, s)
	}
	slices.Sort(ids)
	for i, n := range nodes {
		s := statuses[i]
		if s.Network == nil || s.Network.ID != statuses[0].Network.ID || s.Network.Devices != len(nodes) {
			t.Errorf("%s is in network %+v", n.Name, s.Network)
		}
		got := []string{s.Device.ID}
		for _, p := range s.Peers {
			got = append(got, p.ID)
		}
		if slices.Sort(got); !slices.Equal(got, ids) {
			t.Errorf("%s knows %v, want %v", n.Name, got, ids)
		}
		botsynctest.Await(t, n.Name+"'s records are those of the network", func() bool { return slices.Equal(records(t, n), ids) })
	}
}

// mustBeAlone fails if the node, which has made an invite, has added anybody.
func mustBeAlone(t *testing.T, n node) {
	t.Helper()
	s := n.Status()
	if len(s.Peers) != 0 || s.Network == nil || s.Network.Devices != 1 {
		t.Errorf("%s has peers %v in network %v, want none", n.Name, s.Peers, s.Network)
	}
	if got := records(t, n); len(got) != 1 || got[0] != s.Device.ID {
		t.Errorf("%s has records %v, want its own", n.Name, got)
	}
	if len(s.Invites) != 1 {
		t.Errorf("%s has %d open invites, want one", n.Name, len(s.Invites))
	}
}

// mustBeNobody fails if a guest whose join failed belongs to anybody, unless it
// says that a join is pending.
func mustBeNobody(t *testing.T, n node) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(n.Root, ".botsync")); os.IsNotExist(err) {
		return // taken back as a whole
	}
	s := n.Status()
	if hasProblem(s, "join_pending") {
		return
	}
	if len(s.Peers) != 0 || s.Network != nil || len(records(t, n)) != 0 {
		t.Errorf("%s has peers %v, network %v and records %v, want none", n.Name, s.Peers, s.Network, records(t, n))
	}
}

func hasProblem(s api.Status, code string) bool {
	return slices.ContainsFunc(s.Problems, func(p api.Problem) bool { return p.Code == code })
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
