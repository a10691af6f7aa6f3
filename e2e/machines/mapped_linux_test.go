package machines

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// mapPorts has the router give ports to whoever asks from within, by UPnP or
// NAT-PMP, and returns the file with its leases. miniupnpd is what most home
// routers have inside.
func (h *home) mapPorts() (leases string) {
	h.t.Helper()
	need(h.t, "miniupnpd")
	dir := botsynctest.TempDir(h.t)
	leases = filepath.Join(dir, "leases")
	h.router.nft(`table inet mapped {
	chain forward {
	}
	chain prerouting {
		type nat hook prerouting priority dstnat;
		jump ports
	}
	chain ports {
	}
	chain postrouting {
	}
}
`)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(`ext_ifname=wan
listening_ip=home
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
lease_file=`+leases+`
uuid=00000000-0000-0000-0000-000000000001
upnp_table_name=mapped
upnp_nat_table_name=mapped
upnp_forward_chain=forward
upnp_nat_chain=ports
upnp_nat_postrouting_chain=postrouting
allow 1024-65535 `+h.subnet+`.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
`), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.router.startServer(dir, "(Listening for NAT-PMP)", "miniupnpd", "-d", "-f", "conf", "-P", filepath.Join(dir, "pid"))
	return leases
}

// lease is a port of a router that leads to one of a machine behind it.
type lease struct {
	port, to string // to is an address and port
	until    time.Time
}

// leasesTo are the ports of TCP in miniupnpd's file that lead to a machine:
// TCP:31234:192.168.1.2:22000:1795357669:description, with the end in Unix time.
func leasesTo(address, file string) (list []lease) {
	data, _ := os.ReadFile(file) // there is none before the first lease
	for line := range strings.Lines(string(data)) {
		f := strings.SplitN(line, ":", 6)
		if len(f) != 6 || f[0] != "TCP" || f[2] != address {
			continue
		}
		end, _ := strconv.ParseInt(f[4], 10, 64)
		list = append(list, lease{port: f[1], to: f[2] + ":" + f[3], until: time.Unix(end, 0)})
	}
	return list
}

// The router of the host gives it a port, for a limited time. The guest, whose
// own router is closed, hears of it while pairing and connects there first.
func TestRouterMapsAPort(t *testing.T) {
	t.Parallel()
	net := newInternetAt(t, "11.0.0") // miniupnpd refuses addresses that are for examples
	a, b := net.home("a"), net.homeAt("b", "192.168.2.2")
	leases := a.mapPorts()
	agent, laptop := a.node("agent"), b.node("laptop")
	invite := initOn(agent, net.flags()...)
	start := time.Now()
	var mapped []lease
	botsynctest.Await(t, "a lease of a port", func() bool {
		mapped = leasesTo("192.168.1.2", leases)
		return len(mapped) > 0
	})
	t.Logf("the router gave a port %v after init", time.Since(start).Round(time.Millisecond))

	line := joinOn(laptop, invite.Code, "--discovery-server", net.discovery)
	var ports []string
	for _, l := range leasesTo("192.168.1.2", leases) {
		ports = append(ports, "tcp://"+a.public+":"+l.port)
		if l.to != "192.168.1.2:"+enginePort(t, agent) {
			t.Errorf("a port leads to %s", l.to)
		}
		if left := time.Until(l.until); left <= 0 || left > time.Hour {
			t.Errorf("the lease of a port ends in %v", left)
		}
	}
	s := laptop.Status()
	if len(s.Peers) != 1 || s.Peers[0].Via != api.ViaDirect || !slices.Contains(ports, "tcp://"+s.Peers[0].Address) {
		t.Errorf("after the join the laptop has %+v, want a direct connection to one of %v", s.Peers, ports)
	}
	m := decode[struct{ Addresses map[string][]string }](t, readFile(t, laptop.Path(".botsync", "membership.json")))
	if told := m.Addresses[line.Device.ID]; !slices.ContainsFunc(told, func(a string) bool { return slices.Contains(ports, a) }) {
		t.Errorf("the laptop was told of %v, without any of %v", told, ports)
	}
	mustHaveEachOther(t, agent, laptop)
	var known bool
	for _, port := range ports {
		known = known || strings.Contains(agent.AwaitCheck("port_mapping", "", api.CheckOK, "The router leads here, by UPnP or NAT-PMP: tcp://"+a.public, "").Message, port)
	}
	if !known {
		t.Errorf("doctor names none of %v", ports)
	}
	laptop.AwaitCheck("port_mapping", "", api.CheckSkipped, "No router has given a port", "")
	exchange(t, agent, laptop, "first")
}
