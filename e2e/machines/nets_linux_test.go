package machines

import (
	"fmt"
	"testing"
)

// A family says by which protocols the machines of a network can talk.
type family string

const (
	ipv4      family = "IPv4"
	ipv6      family = "IPv6"
	linkLocal family = "IPv6 link-local"
	both      family = "IPv4 and IPv6"
)

// cable joins two machines directly, both with the interface eth0.
func cable(t *testing.T, f family) (a, b *machine) {
	t.Helper()
	a, b = newMachine(t, "a"), newMachine(t, "b")
	run(t, "ip", "link", "add", "eth0", "netns", a.ns, "type", "veth", "peer", "name", "eth0", "netns", b.ns)
	a.configure(f, 1)
	b.configure(f, 2)
	return a, b
}

// configure gives eth0 its addresses, 10.7.0.host and fd07::host, and nothing
// that leads further.
func (m *machine) configure(f family, host int) {
	m.t.Helper()
	if f == ipv4 {
		m.sh("for i in all default eth0; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done")
	}
	if f == ipv4 || f == both {
		m.sh("ip addr add 10.7.0.%d/24 brd + dev eth0", host)
	}
	if f == ipv6 || f == both {
		m.sh("ip addr add fd07::%d/64 dev eth0 nodad", host)
	}
	m.sh("ip link set eth0 up")
}

// lan is a switch with machines on it, which have IPv4 and IPv6.
func lan(t *testing.T, names ...string) []*machine {
	t.Helper()
	_, list := switched(t, names...)
	return list
}

// switched is lan with the switch: each machine is at a port of it, from port0.
func switched(t *testing.T, names ...string) (sw *machine, list []*machine) {
	t.Helper()
	sw = newMachine(t, "switch")
	sw.sh("ip link add br0 type bridge; ip link set br0 up")
	for i, name := range names {
		m := newMachine(t, name)
		port := fmt.Sprintf("port%d", i)
		run(t, "ip", "link", "add", "eth0", "netns", m.ns, "type", "veth", "peer", "name", port, "netns", sw.ns)
		sw.sh("ip link set %s master br0 up", port)
		m.configure(both, i+1)
		list = append(list, m)
	}
	return sw, list
}

// routed puts each machine on a network of its own, 10.7.N.2/24, behind one
// router, 10.7.N.1. Nothing that is multicast or broadcast gets to another.
func routed(t *testing.T, names ...string) (router *machine, list []*machine) {
	t.Helper()
	router = newMachine(t, "router")
	router.sh("echo 1 >/proc/sys/net/ipv4/ip_forward")
	for i, name := range names {
		m := newMachine(t, name)
		port, net := fmt.Sprintf("port%d", i+1), fmt.Sprintf("10.7.%d", i+1)
		run(t, "ip", "link", "add", "eth0", "netns", m.ns, "type", "veth", "peer", "name", port, "netns", router.ns)
		router.sh("ip addr add %s.1/24 brd + dev %s; ip link set %s up", net, port, port)
		m.sh("ip addr add %s.2/24 brd + dev eth0; ip link set eth0 up; ip route add default via %s.1", net, net)
		list = append(list, m)
	}
	return router, list
}
