package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

func devicesOf(t *testing.T, n *botsynctest.Node) api.Devices {
	t.Helper()
	var list api.Devices
	if err := json.Unmarshal([]byte(n.Must("devices", "--json").Stdout), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// awaitNames waits until a device is connected to exactly those that are called
// so.
func awaitNames(n *botsynctest.Node, names ...string) {
	n.TB.Helper()
	slices.Sort(names)
	n.AwaitStatus("peers "+strings.Join(names, ", "), func(s api.Status) bool {
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

func hasProblem(s api.Status, code, text string) bool {
	return slices.ContainsFunc(s.Problems, func(p api.Problem) bool { return p.Code == code && strings.Contains(p.Message, text) })
}

func awaitProblem(n *botsynctest.Node, code, text string) {
	n.TB.Helper()
	n.AwaitStatus("the problem "+code, func(s api.Status) bool { return hasProblem(s, code, text) })
}

func wantError(t *testing.T, r botsynctest.Result, exit int, code string) {
	t.Helper()
	if e := r.Error(t); r.Exit != exit || e.Code != code || e.Hint == "" {
		t.Fatalf("exit %d, %+v; want %d and %s", r.Exit, e, exit, code)
	}
}

// The life of a network: nobody is needed for it to go on, and removed means
// removed.
func TestRemovedMeansRemoved(t *testing.T) {
	t.Parallel()
	a, b, c, d := botsynctest.New(t, "a"), botsynctest.New(t, "b"), botsynctest.New(t, "c"), botsynctest.New(t, "d")
	b.Join(a.Init().Code)
	c.Join(b.Invite().Code)
	awaitNames(a, "b", "c")

	// The one that let c in is off, and stays off for a long time.
	b.Must("stop")
	d.Join(c.Invite().Code)
	a.AwaitStatus("d", func(s api.Status) bool {
		return slices.ContainsFunc(s.Peers, func(p api.Peer) bool { return p.Name == "d" && p.Connected })
	})
	list := devicesOf(t, a)
	if len(list.Devices) != 4 || !list.Devices[0].Self || list.Devices[3].AddedBy.Name != "c" {
		t.Fatalf("devices: %+v", list)
	}
	gone := list.Devices[3].ID
	b.Must("start")
	b.AwaitStatus("three peers", func(s api.Status) bool { return len(s.Peers) == 3 })
	b.Must("stop") // and knows of d

	// Names are one name everywhere, also for the device itself.
	a.Must("devices", "rename", gone[:7], "phone")
	c.AwaitStatus("the new name", func(s api.Status) bool {
		return slices.ContainsFunc(s.Peers, func(p api.Peer) bool { return p.Name == "phone" })
	})
	d.AwaitStatus("its own new name", func(s api.Status) bool { return s.Device.Name == "phone" })
	wantError(t, a.Run("devices", "rename", "c", "PHONE", "--json"), api.ExitState, api.CodeExists)
	wantError(t, a.Run("devices", "rename", "c", " ", "--json"), api.ExitUsage, api.CodeUsage)

	// What cannot be removed.
	wantError(t, a.Run("devices", "remove", "nobody", "--json"), api.ExitUsage, api.CodeUsage)
	wantError(t, a.Run("devices", "remove", "a", "--json"), api.ExitUsage, api.CodeUsage)

	// It is off when it is removed, and does not hear of it.
	d.Write("shared/of d", "kept")
	a.AwaitFile("shared/of d", "kept")
	d.Must("stop")
	a.Must("devices", "remove", "phone")
	c.AwaitStatus("two peers", func(s api.Status) bool { return len(s.Peers) == 2 })
	d.Must("start")

	// Somebody takes the removal away. It is back before anybody can make use of it.
	removal := filepath.Join(c.Root, ".botsync", "network", "removed", gone+".json")
	if err := os.Remove(removal); err != nil {
		t.Fatal(err)
	}
	awaitProblem(c, "record_restored", gone)
	if _, err := os.Stat(removal); err != nil {
		t.Fatal(err)
	}

	// The one that was off comes back, and learns of it.
	b.Must("start")
	awaitNames(b, "a", "c")
	// The new name that it was given meanwhile is another record, which may come later.
	botsynctest.Await(t, "b knows who was removed, and by whom", func() bool {
		list := devicesOf(t, b)
		return len(list.Removed) == 1 && list.Removed[0].Name == "phone" && list.Removed[0].RemovedBy.Name == "a"
	})
	// It is invited again: a new device, with the old files. It has heard of its
	// removal from b, before b had itself; or it has not, and notices that it is
	// refused after a moment. Until then it takes itself for a member.
	code := b.Invite().Code
	botsynctest.Await(t, "d joins again", func() bool {
		r := d.Run("join", "--json", "--lan-only", "--name", "d", code)
		if r.Exit != 0 && r.Error(t).Code != api.CodeInNetwork {
			t.Fatal(r.Stderr)
		}
		return r.Exit == 0
	})
	awaitNames(d, "a", "b", "c")
	awaitNames(a, "b", "c", "d")
	if id := d.Status().Device.ID; id == gone {
		t.Fatal("it came back under its old identity")
	}
	d.AwaitFile("shared/of d", "kept")
	d.Write("shared/again", "new")
	c.AwaitFile("shared/again", "new")

	// Connected when it is removed, it says so itself.
	b.Must("devices", "remove", "d")
	awaitProblem(d, "removed", "by b")
	wantError(t, d.Run("invite", "--no-wait", "--json"), api.ExitState, api.CodeRemoved)
	wantError(t, d.Run("devices", "remove", "a", "--json"), api.ExitState, api.CodeRemoved)
	for _, n := range []*botsynctest.Node{a, b, c} {
		n.AwaitStatus("two peers", func(s api.Status) bool { return len(s.Peers) == 2 })
	}

	// One leaves by itself, and can found a network of its own.
	var left api.LeftLine
	if err := json.Unmarshal([]byte(c.Must("leave", "--json").Stdout), &left); err != nil {
		t.Fatal(err)
	}
	if len(left.Told) != 2 || len(left.Untold) != 0 {
		t.Fatalf("left: %+v", left)
	}
	awaitNames(a, "b")
	awaitNames(b, "a")
	wantError(t, a.Run("devices", "remove", "b", "--json"), api.ExitState, api.CodeLastPeer)
	wantError(t, c.Run("leave", "--json"), api.ExitState, api.CodeNoNetwork)
	c.AwaitFile("shared/again", "new")
	d.Join(c.Invite().Code)
	awaitNames(c, "d")

	// Who was told what is in the log.
	var types []string
	for line := range strings.Lines(a.Must("events", "--since", "0", "--no-follow", "--json").Stdout) {
		var e api.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Type == api.EventPeerAdded || e.Type == api.EventPeerRemoved {
			types = append(types, strings.TrimPrefix(e.Type, "peer_")+" "+e.Device.Name)
		}
	}
	want := []string{"added b", "added c", "added d", "removed phone", "added d", "removed d", "removed c"}
	if !slices.Equal(types, want) {
		t.Fatalf("events: %q, want %q", types, want)
	}
}

// Whatever is done to the records by hand: no wrong device, no crash, the file is
// named, and the network goes on.
func TestRecordsAreTamperedWith(t *testing.T) {
	t.Parallel()
	a, b := botsynctest.New(t, "a"), botsynctest.New(t, "b")
	b.Join(a.Init().Code)
	awaitNames(a, "b")
	dir := filepath.Join(a.Root, ".botsync", "network")
	record := filepath.Join(dir, "devices", b.Status().Device.ID+".json")
	good, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, data string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base := filepath.Base(record)
	put("devices/"+base, strings.Replace(string(good), `"b"`, `"king"`, 1))
	const noCheck = "ABCDEFG-ABCDEFG-ABCDEFG-ABCDEFG-ABCDEFG-ABCDEFG-ABCDEFG-ABCDEFG"
	put("devices/"+noCheck+".json", strings.ReplaceAll(string(good), strings.TrimSuffix(base, ".json"), noCheck))
	const stranger = "33L4RMI-DIVHRX7-BLMYYYC-C4GAIOX-DWHPKWL-HVOMZLA-PAZFVDY-O6RADAY"
	put("devices/"+stranger+".json", string(good))
	put("readme.txt", "hello")
	for _, n := range []*botsynctest.Node{a, b} {
		for _, name := range []string{base, noCheck, stranger, "readme.txt"} {
			awaitProblem(n, "bad_record", name)
		}
	}
	awaitNames(a, "b")
	awaitNames(b, "a")
	a.Must("stop")
	a.Must("start") // what is known is known again
	awaitNames(a, "b")

	for _, name := range []string{base, noCheck + ".json", stranger + ".json", "../readme.txt"} {
		if err := os.Remove(filepath.Join(dir, "devices", name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []*botsynctest.Node{a, b} {
		n.AwaitStatus("nothing bad", func(s api.Status) bool { return !hasProblem(s, "bad_record", "") && !hasProblem(s, "folder_error", "") })
	}
	botsynctest.Await(t, "the record is back", func() bool {
		now, err := os.ReadFile(record)
		return err == nil && string(now) == string(good)
	})
	a.Write("shared/file", "goes on")
	b.AwaitFile("shared/file", "goes on")
}
