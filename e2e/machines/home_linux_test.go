package machines

import (
	"fmt"
	"strings"
)

// A home is a local network behind a router that translates addresses, as most
// do, and lets nothing in that was not asked for. It has one machine, and may get
// more.
type home struct {
	*machine
	router *machine
	public string // address of the router
	subnet string // three numbers; the router is number 1
	number int    // unlike those of other homes
	ports  int
}

// home makes a home. All have the same addresses, as far as nobody asks for
// others.
func (net *internet) home(name string) *home {
	net.t.Helper()
	return net.homeAt(name, "192.168.1.2")
}

// homeAt is a home with a machine that has a given private address. Its router
// gives each connection a port of its own choice, so that nobody can dial through
// from both sides at once.
func (net *internet) homeAt(name, address string) *home {
	net.t.Helper()
	need(net.t, "nft")
	h := &home{router: newMachine(net.t, "router of "+name), subnet: address[:strings.LastIndex(address, ".")]}
	h.public, h.number = net.plug(h.router, "wan"), net.hosts
	h.router.sh("echo 1 >/proc/sys/net/ipv4/ip_forward; ip link add home type bridge; ip addr add %s.1/24 dev home; ip link set home up", h.subnet)
	h.machine = h.member(name, address)
	h.router.nft(`table ip router {
	chain translate {
		type nat hook postrouting priority srcnat;
		oifname "wan" masquerade fully-random
	}
	chain opened {
		type nat hook prerouting priority dstnat;
	}
	chain pass {
		type filter hook forward priority filter; policy drop;
		iifname "home" accept
		ct state established,related accept
		ct status dnat accept
	}
	chain receive {
		type filter hook input priority filter;
		iifname "wan" drop
	}
}
`)
	return h
}

// member adds a machine to the home.
func (h *home) member(name, address string) *machine {
	h.router.t.Helper()
	h.ports++
	m, port := newMachine(h.router.t, name), fmt.Sprintf("home%d", h.ports)
	run(m.t, "ip", "link", "add", "eth0", "netns", m.ns, "type", "veth", "peer", "name", port, "netns", h.router.ns)
	h.router.sh("ip link set %s master home up", port)
	m.sh("ip addr add %s/24 brd + dev eth0; ip link set eth0 up; ip route add default via %s.1", address, h.subnet)
	return m
}

// open lets connections to a port of the router in to a machine behind it.
func (h *home) open(port, to string) {
	h.t.Helper()
	h.router.sh("nft add rule ip router opened iifname wan tcp dport %s dnat to %s", port, to)
}
