package machines

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// dialOnce connects and hangs up.
func dialOnce(address string) error {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		c.Close()
	}
	return err
}

// initOn makes a root and an invite, with flags that name servers, and returns
// when the host has been announced.
func initOn(n node, flags ...string) api.InviteLine {
	n.TB.Helper()
	r := n.Must(append([]string{"init", "--json", "--no-wait", "--name", n.Name}, flags...)...)
	n.TB.Logf("init took %v", r.Took.Round(time.Millisecond))
	awaitOpen(n, "global")
	return decode[api.InviteLine](n.TB, r.Stdout)
}

// joinOn joins through the global way alone, and says how long it took from the
// start of the command to its exit.
func joinOn(n node, code string, flags ...string) api.JoinedLine {
	n.TB.Helper()
	r := n.Must(append([]string{"join", "--json", "--name", n.Name, code}, flags...)...)
	line := decode[api.JoinedLine](n.TB, r.Stdout)
	n.TB.Logf("join took %v: %+v", r.Took.Round(time.Millisecond), *line.Timing)
	if line.Timing.Way != "global" {
		n.TB.Errorf("they met by %s", line.Timing.Way)
	}
	// It is 1 to 2 s on a machine that has nothing else to do. A relay may refuse
	// two devices that call each other at the same moment: they try again after 5 s.
	if r.Took > 20*time.Second {
		n.TB.Errorf("the join took %v", r.Took)
	}
	return line
}

// awaitVia waits until both nodes are connected in the given way.
func awaitVia(via string, nodes ...node) {
	for _, n := range nodes {
		n.TB.Helper()
		n.AwaitStatus("connected via "+via, func(s api.Status) bool {
			return len(s.Peers) == 1 && s.Peers[0].Connected && s.Peers[0].Via == via
		})
	}
}

// awaitAnnounced waits until the discovery server knows the engine of a node,
// 5 s after its start: whoever asks before is told to ask again only in a minute,
// or in an hour.
func (net *internet) awaitAnnounced(n node) {
	net.t.Helper()
	id := n.Status().Device.ID
	botsynctest.Await(net.t, n.Name+" is announced", func() bool {
		known := false
		net.public.enter(func() error {
			c, err := tls.Dial("tcp", fmt.Sprintf("%s:%d", net.address(1), discoveryPort), &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				return err
			}
			defer c.Close()
			fmt.Fprintf(c, "GET /?device=%s HTTP/1.1\r\nHost: discovery\r\n\r\n", id)
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			known = err == nil && r.StatusCode == http.StatusOK
			return err
		})
		if !known {
			time.Sleep(100 * time.Millisecond) // between questions: a server wants to be spared
		}
		return known
	})
}

// enginePort is where the node's engine listens.
func enginePort(t *testing.T, n node) string {
	t.Helper()
	_, rest, _ := strings.Cut(readFile(t, n.Path(".botsync", "engine", "config.xml")), "<listenAddress>tcp://0.0.0.0:")
	port, _, found := strings.Cut(rest, "<")
	if !found {
		t.Fatalf("%s listens at no port", n.Name)
	}
	return port
}

// Two homes, whose routers let nothing in, not even a refusal out: they pair and
// sync over a relay of Syncthing. Once a port of either router is opened they
// connect directly.
func TestPairBehindClosedRouters(t *testing.T) {
	t.Parallel()
	for _, opens := range []string{"host", "guest"} {
		t.Run(opens+" opens a port", func(t *testing.T) {
			t.Parallel()
			net := newInternet(t)
			a, b := net.home("a"), net.home("b")
			agent, laptop := a.node("agent"), b.node("laptop")
			invite := initOn(agent, net.flags()...)
			net.awaitAnnounced(agent)
			agent.AwaitCheck("discovery", "", api.CheckOK, "know where this device is", "")
			agent.AwaitCheck("syncthing_relay", "", api.CheckOK, "is joined", "")
			agent.AwaitCheck("invite", "global", api.CheckOK, "1 open invite can be redeemed this way ("+strings.TrimPrefix(net.discovery, "https://")[:len("203.0.113.1")], "")
			agent.AwaitCheck("invite", "lan", api.CheckOK, "(UDP port ", "")
			agent.AwaitCheck("port_mapping", "", api.CheckSkipped, "No router has given a port by UPnP or NAT-PMP", "")
			// The guest has to be told where to look, and nothing more.
			joinOn(laptop, invite.Code, "--discovery-server", net.discovery)
			mustHaveEachOther(t, agent, laptop)
			exchange(t, agent, laptop, "relayed")
			awaitVia(api.ViaRelay, agent, laptop)
			for n, peer := range map[node]string{agent: "laptop", laptop: "agent"} {
				n.AwaitCheck("port_mapping", "", api.CheckWarn, "1 device is connected through a relay", "UDP port "+enginePort(t, n)+" here")
				n.AwaitCheck("peer", peer, api.CheckOK, "Connected through a relay", "")
				n.AwaitCheck("invite", "", api.CheckOK, "No invite is open", "")
			}

			if opens == "host" {
				a.open(enginePort(t, agent), "192.168.1.2")
			} else {
				b.open(enginePort(t, laptop), "192.168.1.2")
			}
			start := time.Now()
			// Syncthing dials anew 5 to 32 s after a round, which takes up to 20 s if
			// nobody answers.
			botsynctest.AwaitFor(t, 2*botsynctest.Patience, "a direct connection", func() bool { return via(laptop) == api.ViaDirect })
			awaitVia(api.ViaDirect, agent, laptop)
			for n, peer := range map[node]string{agent: "laptop", laptop: "agent"} {
				n.AwaitCheck("port_mapping", "", api.CheckSkipped, "No router has given a port by UPnP or NAT-PMP", "")
				n.AwaitCheck("peer", peer, api.CheckOK, "Connected directly", "")
			}
			t.Logf("directly connected %v after the port was opened", time.Since(start).Round(time.Millisecond))
			exchange(t, agent, laptop, "direct")
		})
	}
}

// via is how the node is connected with its only peer, if it is.
func via(n node) string {
	if s := n.Status(); len(s.Peers) == 1 && s.Peers[0].Connected {
		return s.Peers[0].Via
	}
	return ""
}

// mustUseOnly fails if a guest knows other servers than those of the network. It
// restarts the daemon, which then writes down what the engine is told.
func mustUseOnly(t *testing.T, n node, net *internet) {
	t.Helper()
	m := decode[struct {
		Servers struct{ Discovery, Relays []string }
	}](t, readFile(t, n.Path(".botsync", "membership.json")))
	if !slices.Equal(m.Servers.Discovery, []string{net.discovery}) || !slices.Equal(m.Servers.Relays, []string{net.relay}) {
		t.Errorf("%s was told of %+v", n.Name, m.Servers)
	}
	n.Must("stop")
	n.Must("start")
	xml := strings.ReplaceAll(readFile(t, n.Path(".botsync", "engine", "config.xml")), "&amp;", "&")
	if !strings.Contains(xml, "<listenAddress>"+net.relay+"<") || !strings.Contains(xml, "<globalAnnounceServer>"+net.discovery+"<") {
		t.Errorf("the engine of %s does not use %s and %s", n.Name, net.relay, net.discovery)
	}
	if strings.Contains(xml, "syncthing.net") || strings.Contains(xml, "<globalAnnounceServer>default<") {
		t.Errorf("the engine of %s uses public servers", n.Name)
	}
}

// One side is a server with a public address, whichever of the two it is.
func TestPairWithAServer(t *testing.T) {
	t.Parallel()
	for _, public := range []string{"host", "guest"} {
		t.Run(public, func(t *testing.T) {
			t.Parallel()
			net := newInternet(t)
			nodes := map[string]node{}
			for _, side := range []string{"host", "guest"} {
				if side == public {
					nodes[side] = net.server(side).node(side)
				} else {
					nodes[side] = net.home(side).node(side)
				}
			}
			host, guest := nodes["host"], nodes["guest"]
			joinOn(guest, initOn(host, net.flags()...).Code, "--discovery-server", net.discovery)
			mustHaveEachOther(t, host, guest)
			start := time.Now()
			awaitVia(api.ViaDirect, host, guest)
			t.Logf("directly connected %v after the join", time.Since(start).Round(time.Millisecond))
			exchange(t, host, guest, "first")
			mustUseOnly(t, guest, net)
			mustHaveEachOther(t, host, guest)
		})
	}
}

// By ticket two machines pair across a router, without multicast, discovery or
// relay.
func TestPairByTicketAcrossARouter(t *testing.T) {
	t.Parallel()
	_, list := routed(t, "a", "b")
	agent, laptop := list[0].node("agent"), list[1].node("laptop")
	r := agent.Must(append([]string{"init", "--json", "--no-wait", "--ticket", "--name", "agent"}, offline...)...)
	invite := decode[api.InviteLine](t, r.Stdout)
	if !invite.Ticket || len(invite.Ways) != 1 || invite.Ways[0].Name != "ticket" || !invite.Ways[0].OK {
		t.Errorf("the ticket can be redeemed by %+v", invite.Ways)
	}
	joined := joinBy(laptop, invite.Code, "")
	if joined.Exit != 0 {
		t.Fatalf("join: exit %d\n%s", joined.Exit, joined.Stderr)
	}
	line := decode[api.JoinedLine](t, joined.Stdout)
	t.Logf("join took %v: %+v", joined.Took.Round(time.Millisecond), *line.Timing)
	if line.Timing.Way != "ticket" {
		t.Errorf("they met by %s", line.Timing.Way)
	}
	mustHaveEachOther(t, agent, laptop)
	awaitVia(api.ViaDirect, agent, laptop)
	exchange(t, agent, laptop, "first")
}

// With everything blocked the error says what was blocked, of every way.
func TestEverythingIsBlocked(t *testing.T) {
	t.Parallel()
	net := newInternet(t)
	h := net.home("guest")
	h.router.sh("nft insert rule ip router pass drop")
	guest := h.node("guest")
	t.Run("code", func(t *testing.T) {
		r := guest.Run("join", "--json", "--name", "guest", "walrus-velvet-canyon-puppet-catnip",
			"--discovery-server", net.discovery, "--relay", "http://198.51.100.1:8080")
		mustNameTheBlocked(t, r, map[string]string{"global": "198.51.100.1:8443", "relay": "http://198.51.100.1:8080"}, "lan")
	})
	t.Run("ticket", func(t *testing.T) {
		host := net.server("host").node("host")
		invite := decode[api.InviteLine](t, host.Must(append([]string{"init", "--json", "--no-wait", "--ticket", "--name", "host"}, offline...)...).Stdout)
		r := joinBy(guest, invite.Code, "")
		mustNameTheBlocked(t, r, map[string]string{"ticket": "198.51.100."})
		mustBeAlone(t, host)
	})
	mustBeNobody(t, guest)
}

// mustNameTheBlocked fails unless a join ended with exit 7, and an error that
// names each way that was blocked, by a part of its target, with a reason.
func mustNameTheBlocked(t *testing.T, r botsynctest.Result, blocked map[string]string, open ...string) {
	t.Helper()
	t.Logf("took %v: %s", r.Took.Round(time.Millisecond), r.Stderr)
	if r.Exit != api.ExitUnreachable {
		t.Fatalf("exit %d, want %d", r.Exit, api.ExitUnreachable)
	}
	e := r.Error(t)
	if !e.Retryable || e.Hint == "" || len(e.Ways) != len(blocked)+len(open) {
		t.Errorf("got %+v", e)
	}
	for _, w := range e.Ways {
		target := blocked[w.Name]
		switch {
		case slices.Contains(open, w.Name):
			if !w.OK || w.Error != "" {
				t.Errorf("%s could be tried, but the error has %+v", w.Name, w)
			}
		case target == "", w.OK, w.Error == "", !strings.Contains(w.Target, target):
			t.Errorf("the error has %+v, want %s blocked at %s", w, w.Name, target)
		case !strings.Contains(e.Message, w.Error):
			t.Errorf("the message lacks %q: %s", w.Error, e.Message)
		}
	}
}

// init says which ways are open, and which are not and why.
func TestInitSaysWhichWaysAreOpen(t *testing.T) {
	t.Parallel()
	net := newInternet(t)
	m := net.server("host")
	dead := strings.Replace(net.discovery, ":8443", ":8444", 1)
	host := m.node("host")
	r := host.Must("init", "--no-wait", "--name", "host", "--relay", "http://198.51.100.1:8080",
		"--discovery-server", net.discovery, "--syncthing-relay", net.relay)
	t.Log(r.Stderr)
	for _, want := range []string{"Open ways to it: same network, 198.51.100.1:8443", "http://198.51.100.1:8080: ", "refused"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("init does not say %q", want)
		}
	}
	other := m.node("other")
	line := decode[api.InviteLine](t, other.Must("init", "--json", "--no-wait", "--name", "other", "--discovery-server", dead, "--syncthing-relay", net.relay).Stdout)
	t.Logf("%+v", line.Ways)
	if len(line.Ways) != 2 || !line.Ways[0].OK || line.Ways[1].OK || !strings.Contains(line.Ways[1].Error, "refused") {
		t.Errorf("with a dead discovery server the ways are %+v", line.Ways)
	}
}

// With lan_only nothing is sent to servers that are configured, and nothing to
// the router; without it is.
func TestLANOnlyLeavesServersAlone(t *testing.T) {
	t.Parallel()
	for _, only := range []string{"true", "false"} {
		t.Run("lan_only "+only, func(t *testing.T) {
			t.Parallel()
			host, guest, traffic := watched(t)
			flags := []string{"--lan-only=" + only, "--discovery-server", "https://203.0.113.1:8443/?insecure", "--syncthing-relay", "relay://203.0.113.1:22067"}
			line := decode[api.InviteLine](t, host.Must(append([]string{"init", "--json", "--no-wait", "--name", "host"}, flags...)...).Stdout)
			if only == "true" {
				guest.Must(append([]string{"join", "--json", "--name", "guest", line.Code}, flags...)...)
				mustHaveEachOther(t, host, guest)
				exchange(t, host, guest, "first")
			} else {
				for _, words := range []string{"to 203.0.113.1 port 8443", "to 203.0.113.1 port 22067", "router 10.7.0.3", "router 239.255.255.250"} {
					botsynctest.Await(t, words, func() bool { return traffic.strayed(words) })
				}
				start := time.Now()
				host.Must("stop")
				t.Logf("stop took %v", time.Since(start).Round(time.Millisecond))
			}
			_, strays := traffic.stop()
			if seen := len(strays) > 0; seen != (only == "false") {
				t.Errorf("sent: %v", strays)
			}
		})
	}
}
