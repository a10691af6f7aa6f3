package relay

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientOf returns on whose account a request is: the IPv4 address or the IPv6 /64 that it came from, since a
// single machine usually has a whole /64. The zero Prefix stands for an address that cannot be read.
func clientOf(r *http.Request, trusted []netip.Prefix) netip.Prefix {
	addr := parseHost(r.RemoteAddr)
	if !contains(trusted, addr) {
		return account(addr)
	}
	// Every proxy appends the address that it was asked from: from the right, the first one that is not
	// ours is the last that can be believed.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := parseHost(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			break
		}
		addr = hop
		if !contains(trusted, addr) {
			break
		}
	}
	return account(addr)
}

// parseHost reads an address with or without a port; it returns the zero Addr if there is none.
func parseHost(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, _ := netip.ParseAddr(strings.Trim(s, "[]"))
	return addr.Unmap().WithZone("")
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func account(addr netip.Addr) netip.Prefix {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits)
	return p
}
