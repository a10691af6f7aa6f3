package daemon

import (
	"net"
	"net/netip"
	"net/url"
	"slices"

	"github.com/botsync/botsync/internal/network"
)

// reachable picks from the addresses that a device gave those under which it
// may be reached from here, given the other end of the connection on which it
// gave them. Its loopback addresses are good only on this very machine; where it
// came from directly, it can most likely be reached.
func reachable(addresses []string, from net.Addr) []string {
	remote, direct := addrOf(from)
	here := direct && isOwn(remote)
	var out []string
	add := func(u *url.URL) {
		if s := u.String(); !slices.Contains(out, s) && len(out) < network.MaxAddresses {
			out = append(out, s)
		}
	}
	for _, raw := range addresses {
		u, err := url.Parse(raw)
		if err != nil || u.Hostname() == "" {
			continue
		}
		ip, err := netip.ParseAddr(u.Hostname())
		if err == nil && ip.IsLoopback() && !here {
			continue
		}
		if direct && !here && len(out) == 0 && u.Scheme == "tcp" && remote.Zone() == "" {
			seen := *u
			seen.Host = net.JoinHostPort(remote.String(), u.Port())
			add(&seen)
		}
		add(u)
	}
	return out
}

// mostUseful returns at most limit of the addresses of this device, in their
// order. Of a machine with many interfaces, such as one with containers, the few
// that the whole world can use stay: its public ones, that which the router
// mapped, and relays.
func mostUseful(addresses []string, limit int) []string {
	byUse := slices.Clone(addresses)
	slices.SortStableFunc(byUse, func(a, b string) int { return reach(a) - reach(b) })
	chosen := byUse[:min(len(byUse), limit)]
	var out []string
	for _, a := range addresses {
		if slices.Contains(chosen, a) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// reach ranks an address by how many others may be able to use it.
func reach(address string) int {
	u, err := url.Parse(address)
	if err != nil {
		return 4
	}
	ip, err := netip.ParseAddr(u.Hostname())
	switch {
	case err != nil || ip.IsGlobalUnicast() && !ip.IsPrivate():
		return 0
	case ip.IsLoopback():
		return 3
	case u.Scheme == "tcp":
		return 1
	}
	return 2
}

// withoutLoopback returns the addresses that mean something to other machines.
func withoutLoopback(addresses []string) []string {
	var out []string
	for _, raw := range addresses {
		u, err := url.Parse(raw)
		if err != nil {
			continue
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsLoopback() {
			continue
		}
		out = append(out, raw)
	}
	return mostUseful(out, network.MaxAddresses)
}

// addrOf returns the IP address of a TCP connection's end, and whether it is one.
func addrOf(a net.Addr) (netip.Addr, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	ip := tcp.AddrPort().Addr().Unmap()
	return ip, ip.IsValid()
}

// isOwn reports whether ip is an address of this machine.
func isOwn(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(own, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(ip.WithZone("").AsSlice())
	})
}
