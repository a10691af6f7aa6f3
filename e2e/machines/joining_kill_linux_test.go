package machines

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/network"
)

// A joinStage is a moment of a join after the last piece of its pairing.
type joinStage string

const (
	accepted  joinStage = "accepted"   // each has the other, and they are not connected yet
	connected joinStage = "connected"  // the guest has written down that they are
	firstFile joinStage = "first file" // something has arrived that the host had before
)

const bothDaemons victim = "both daemons"

// joinFiles is how many files the host has when the guest comes, and joinSize how long
// each is, in bytes. At [slowRate] they take some ten seconds.
const (
	joinFiles = 80
	joinSize  = 64 << 10
	slowRate  = "4mbit"
)

// Whoever dies when a pairing is over, but before the two were connected or had
// everything: it starts again, the same command is run again, both have each other,
// and all files arrive.
func TestKilledWhileJoining(t *testing.T) {
	t.Parallel()
	for _, stage := range []joinStage{accepted, connected, firstFile} {
		for _, v := range []victim{guestDaemon, hostDaemon, bothDaemons} {
			t.Run(fmt.Sprintf("%s killed, %s", v, stage), func(t *testing.T) {
				t.Parallel()
				killWhileJoining(t, stage, v)
			})
		}
	}
}

func killWhileJoining(t *testing.T, stage joinStage, v victim) {
	need(t, "tc")
	router, list := routed(t, "host", "guest")
	m := meeters{host: list[0].node("host"), guest: list[1].node("guest"), relay: router.startMeddler(honest)}
	m.invite = initBy(m.host, hostsRelay)
	for i := range joinFiles {
		m.host.Write(fmt.Sprintf("shared/%d", i), string(noise(joinSize)))
	}
	m.host.AwaitStatus("it has its files", func(s api.Status) bool { return s.Folders[0].Files == joinFiles })
	// At the relay, which is on the router, they meet all the same.
	if stage == accepted {
		router.sh("echo 0 >/proc/sys/net/ipv4/ip_forward")
	}
	router.sh("tc qdisc add dev port2 root tbf rate %s burst 16kb latency 300ms", slowRate)

	join := startJoin(t, m)
	botsynctest.Await(t, string(stage), func() bool { return stage.reached(m) })
	select {
	case <-join.ended:
		if stage == accepted {
			t.Errorf("join has ended, though nobody is connected: %s%s", &join.stdout, &join.stderr)
		}
	default:
	}
	killed := map[victim][]node{guestDaemon: {m.guest}, hostDaemon: {m.host}, bothDaemons: {m.guest, m.host}}[v]
	for _, n := range killed {
		killDaemon(t, n)
	}
	there, ms := arrived(m.guest), membershipOf(m.guest)
	t.Logf("killed with %d of %d files there, join pending: %v", there, joinFiles, ms.Pending != nil)
	if there == joinFiles || stage == accepted && (ms.Pending == nil || there > 0) {
		t.Fatal("the join had got further than that")
	}

	router.sh("tc qdisc del dev port2 root; echo 1 >/proc/sys/net/ipv4/ip_forward")
	if slices.Contains(killed, m.host) {
		m.host.Must("start")
	}
	if first := join.wait(t); first.Exit == 0 && stage == accepted && v != hostDaemon {
		t.Error("the join says that it is done, without its daemon")
	}
	if r := joinBy(m.guest, m.invite.Code, guestsRelay); r.Exit != 0 {
		t.Fatalf("the same command again: exit %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	mustHaveEachOther(t, m.host, m.guest)
	mustHaveTheSame(t, []node{m.host, m.guest})
	if n := arrived(m.guest); n != joinFiles {
		t.Errorf("%d of %d files are there", n, joinFiles)
	}
	exchange(t, m.host, m.guest, "after")
	noneOf(t, []node{m.host, m.guest}, "*sync-conflict*")
}

// reached reports whether a join has come so far.
func (s joinStage) reached(m meeters) bool {
	ms := membershipOf(m.guest)
	switch s {
	case accepted:
		theirs, _ := filepath.Glob(m.host.Path(".botsync", "network", "devices", "*.json"))
		return ms.Pending != nil && len(theirs) == 2 && m.relay.count(points[len(points)-1]) > 0
	case connected:
		return ms.Joined != nil
	}
	return arrived(m.guest) > 0
}

// membershipOf is what a node has on its disk, nothing if there is none yet.
func membershipOf(n node) (ms network.Membership) {
	if data, err := os.ReadFile(n.Path(".botsync", "membership.json")); err == nil {
		_ = json.Unmarshal(data, &ms)
	}
	return ms
}

// arrived counts the host's files on the guest.
func arrived(n node) int {
	found, _ := filepath.Glob(n.Path("shared", "[0-9]*"))
	return len(found)
}
