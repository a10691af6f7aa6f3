package machines

import (
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// A host that waits at Syncthing's servers loses the network, gets it back, is
// killed and comes back: the code that it gave is good all the while.
func TestWaitingAtServersGoesOn(t *testing.T) {
	t.Parallel()
	net := newInternet(t)
	machine := net.server("host")
	host, guest := machine.node("host"), net.home("guest").node("guest")
	invite := initOn(host, net.flags()...)

	machine.sh("ip route save dev eth0 >/tmp/%s; ip link set eth0 down", machine.ns)
	start := time.Now()
	awaitWay(host, "global", func(w api.Way) bool { return w.Error != "" })
	t.Logf("the network was missed after %v", time.Since(start).Round(time.Millisecond))
	machine.sh("ip link set eth0 up; ip route restore </tmp/%[1]s; rm /tmp/%[1]s", machine.ns)
	start = time.Now()
	awaitWay(host, "global", func(w api.Way) bool { return w.OK && w.Error == "" })
	t.Logf("all was well %v after it returned", time.Since(start).Round(time.Millisecond))

	killDaemon(t, host)
	host.Must("start")
	awaitOpen(host, "global")
	joinOn(guest, invite.Code, "--discovery-server", net.discovery)
	mustHaveEachOther(t, host, guest)
}

// awaitWay waits until a way of the only invite is as wanted.
func awaitWay(n node, name string, wanted func(api.Way) bool) {
	n.TB.Helper()
	n.AwaitStatus(name+" to be as wanted", func(s api.Status) bool {
		for _, inv := range s.Invites {
			for _, w := range inv.Ways {
				if w.Name == name && wanted(w) {
					return true
				}
			}
		}
		return false
	})
}

// A guest that names a discovery server asks that alone: no public one, and no
// public pool of relays, neither before nor while it looks for the host.
func TestGuestAsksOnlyTheServersItNamed(t *testing.T) {
	t.Parallel()
	_, guest, traffic := watched(t)
	r := guest.Run("join", "--json", "--name", "guest", "walrus-velvet-canyon-puppet-catnip",
		"--discovery-server", "https://203.0.113.1:8443/?insecure")
	if r.Exit != api.ExitUnreachable {
		t.Errorf("join: exit %d\n%s", r.Exit, r.Stderr)
	}
	_, strays := traffic.stop()
	asked := false
	for stray := range strays {
		switch {
		case strings.HasSuffix(stray, "to 203.0.113.1 port 8443"):
			asked = true
		case strings.HasPrefix(stray, "a question to the router "):
		default:
			t.Error(stray)
		}
	}
	if !asked {
		t.Error("the server that was named was not asked")
	}
}
