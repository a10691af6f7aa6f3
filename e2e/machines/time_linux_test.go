package machines

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// awaitOpen waits until an invite can be redeemed by a way.
func awaitOpen(n node, way string) {
	n.TB.Helper()
	n.AwaitStatus("invite open by "+way, func(s api.Status) bool {
		for _, inv := range s.Invites {
			for _, w := range inv.Ways {
				if w.Name == way && w.OK {
					return true
				}
			}
		}
		return false
	})
}

// An invite outlives its daemon, ended in either way, and is redeemed after.
func TestInviteSurvivesARestart(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"stop", "kill", "kill with a ticket"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			a, b := cable(t, both)
			host, guest := a.node("host"), b.node("guest")
			invite := host.Init("--ticket=" + strconv.FormatBool(how == "kill with a ticket"))
			if how != "stop" {
				killDaemon(t, host)
			} else {
				host.Must("stop")
			}
			host.Must("start")
			if s := host.Status(); len(s.Invites) != 1 || !s.Invites[0].ExpiresAt.Equal(invite.ExpiresAt) {
				t.Errorf("after the restart the invites are %+v, want one until %v", s.Invites, invite.ExpiresAt)
			}
			guest.Join(invite.Code)
			mustHaveEachOther(t, host, guest)
		})
	}
}

// A guest that looks already finds a host that starts only then.
func TestGuestWaitsForTheHost(t *testing.T) {
	t.Parallel()
	a, b := cable(t, both)
	host, guest := a.node("host"), b.node("guest")
	invite := host.Init()
	host.Must("stop")
	joined := make(chan botsynctest.Result, 1)
	go func() { joined <- guest.Run("join", "--json", "--lan-only", "--name", "guest", invite.Code) }()
	botsynctest.Await(t, "the guest's daemon", func() bool { return isInitialised(guest) && guest.PID() != 0 })
	host.Must("start")
	if r := <-joined; r.Exit != 0 {
		t.Fatalf("join: exit %d\n%s", r.Exit, r.Stderr)
	}
	mustHaveEachOther(t, host, guest)
}

// The relay is killed while a host waits on it, and comes back.
func TestRelayRestartsWhileTheHostWaits(t *testing.T) {
	t.Parallel()
	router, list := routed(t, "host", "guest")
	relay := router.startRelay()
	host, guest := list[0].node("host"), list[1].node("guest")
	invite := initBy(host, hostsRelay)
	awaitOpen(host, "relay")
	relay.kill()
	host.AwaitStatus("relay is missed", func(s api.Status) bool { return hasProblem(s, "meeting_failed") })
	router.startRelay()
	start := time.Now()
	awaitOpen(host, "relay")
	t.Logf("the host was back at the relay after %v", time.Since(start).Round(time.Millisecond))
	if r := joinBy(guest, invite.Code, guestsRelay); r.Exit != 0 {
		t.Fatalf("join: exit %d\n%s", r.Exit, r.Stderr)
	}
	mustHaveEachOther(t, host, guest)
}

// The network goes away while a host waits, takes its addresses along, and comes
// back.
func TestNetworkReturns(t *testing.T) {
	t.Parallel()
	a, b := cable(t, ipv4)
	a.sh("ip addr flush dev eth0; ip link set eth0 down")
	host, guest := a.node("host"), b.node("guest")
	invite := host.Init() // with no network but loopback
	a.sh("ip addr add 10.7.0.1/24 brd + dev eth0; ip link set eth0 up")
	joined := guest.Join(invite.Code)
	t.Logf("join after the network came: %+v", *joined.Timing)
	mustHaveEachOther(t, host, guest)

	// And when they have been connected: files move again.
	a.sh("ip link set eth0 down")
	guest.Write("shared/while away", "x")
	a.sh("ip link set eth0 up")
	start := time.Now()
	host.AwaitFile("shared/while away", "x")
	t.Logf("file moved %v after the cable was back", time.Since(start).Round(time.Millisecond))
}

// Two guests hold the right code or ticket at the same time: one of them gets in,
// and the other is told why it does not, as is whoever comes with it later.
func TestTwoGuestsOneCode(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"code", "ticket"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			list := lan(t, "host", "first", "second")
			host := list[0].node("host")
			invite := host.Init("--ticket=" + strconv.FormatBool(kind == "ticket"))
			guests := []node{list[1].node("first"), list[2].node("second")}
			join := func(g node) botsynctest.Result {
				return g.Run("join", "--json", "--lan-only", "--name", g.Name, invite.Code)
			}
			results := make([]botsynctest.Result, len(guests))
			var both sync.WaitGroup
			for i, g := range guests {
				both.Go(func() { results[i] = join(g) })
			}
			both.Wait()
			in, out := 0, 1
			if results[0].Exit != 0 {
				in, out = 1, 0
			}
			t.Logf("in after %v, out after %v: %s", results[in].Took, results[out].Took, results[out].Stderr)
			if results[in].Exit != 0 || results[out].Exit != api.ExitCodeUnknown {
				t.Fatalf("exits %d and %d, want 0 and %d", results[in].Exit, results[out].Exit, api.ExitCodeUnknown)
			}
			mustHaveEachOther(t, host, guests[in])
			mustBeNobody(t, guests[out])
			if isInitialised(guests[out]) && hasProblem(guests[out].Status(), "join_pending") {
				t.Errorf("%s has a join pending", guests[out].Name)
			}
			if kind == "ticket" {
				if late := join(guests[out]); late.Exit != api.ExitCodeUnknown {
					t.Errorf("late: exit %d\n%s", late.Exit, late.Stderr)
				}
				// The port is free for the next.
				next := host.Invite("--ticket")
				if ways := next.Ways; len(ways) != 1 || !strings.Contains(ways[0].Target, ":21130") {
					t.Errorf("the next is at %+v", ways)
				}
				guests[out].Join(next.Code)
				mustHaveEachOther(t, host, guests[0], guests[1])
			}
		})
	}
}

// Somebody else has Syncthing's port, and several roots start at once: each has
// a port of its own, for TCP and QUIC, and keeps it.
func TestPorts(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "crowded")
	m.listen(":22000")
	const count = 5
	var nodes []node
	var started sync.WaitGroup
	for i := range count {
		n := m.node(fmt.Sprintf("n%d", i))
		nodes = append(nodes, n)
		started.Go(func() { n.Init() })
	}
	started.Wait()
	if t.Failed() {
		return
	}
	ports := listeningPorts(t, m, nodes)
	for _, n := range nodes {
		n.Must("stop")
	}
	for _, n := range nodes {
		started.Go(func() { n.Must("start") })
	}
	started.Wait()
	for name, port := range listeningPorts(t, m, nodes) {
		if port != ports[name] {
			t.Errorf("%s moved from port %s to %s", name, ports[name], port)
		}
	}
	nodes[1].Join(nodes[0].Invite().Code)
	mustHaveEachOther(t, nodes[0], nodes[1])
}

// listeningPorts returns the engine's port of each node, and fails if two share
// one or one is Syncthing's.
func listeningPorts(t *testing.T, m *machine, nodes []node) map[string]string {
	t.Helper()
	ports, owners := map[string]string{}, map[string]string{"22000": "somebody else"}
	for _, n := range nodes {
		if s := n.Status(); hasProblem(s, "listen_failed") {
			t.Errorf("%s: %+v", n.Name, s.Problems)
		}
		data := readFile(t, n.Path(".botsync", "engine", "config.xml"))
		_, rest, _ := strings.Cut(data, "<listenAddress>tcp://0.0.0.0:")
		port, _, _ := strings.Cut(rest, "<")
		if other, taken := owners[port]; taken || port == "" {
			t.Errorf("%s has port %q, as has %s", n.Name, port, other)
		}
		owners[port], ports[n.Name] = n.Name, port
		m.enter(func() error {
			c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
			if err == nil {
				c.Close()
			}
			return err
		})
	}
	return ports
}
