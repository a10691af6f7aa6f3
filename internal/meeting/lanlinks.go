package meeting

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A link is an interface that is up, with its addresses.
type link struct {
	net.Interface
	prefixes []netip.Prefix // the addresses, each with the length of its network
}

var errNoLinks = errors.New("no network interface is up")

// linkView tells which links there are. Interfaces come and go, so the answer is looked up anew when it is older
// than a second.
type linkView struct {
	interfaces func() ([]net.Interface, error)

	mu    sync.Mutex
	links []link
	err   error
	at    time.Time
}

// get returns the links, or why there are none.
func (v *linkView) get() ([]link, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if time.Since(v.at) >= time.Second {
		v.links, v.err = findLinks(v.interfaces)
		v.at = time.Now()
	}
	return v.links, v.err
}

// isLocal reports whether addr belongs to this machine or to a network that it is directly connected to.
func (v *linkView) isLocal(addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.IsUnspecified() || addr.IsMulticast() || !addr.IsValid() {
		return false
	}
	if addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return true
	}
	links, _ := v.get()
	for _, l := range links {
		for _, p := range l.prefixes {
			if p.Contains(addr) {
				return true
			}
		}
	}
	return false
}

func findLinks(interfaces func() ([]net.Interface, error)) ([]link, error) {
	ifis, err := interfaces()
	if err != nil {
		return nil, err
	}
	var links []link
	for _, ifi := range ifis {
		if ifi.Flags&net.FlagUp == 0 {
			continue
		}
		l := link{Interface: ifi}
		addrs, _ := ifi.Addrs() // none if the interface has just gone
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				if p, ok := prefixOf(n); ok {
					l.prefixes = append(l.prefixes, p)
				}
			}
		}
		if len(l.prefixes) > 0 {
			links = append(links, l)
		}
	}
	if len(links) == 0 {
		return nil, errNoLinks
	}
	return links, nil
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	addr, ok := netip.AddrFromSlice(n.IP)
	ones, bits := n.Mask.Size()
	if !ok || bits == 0 {
		return netip.Prefix{}, false
	}
	addr = addr.Unmap()
	ones -= bits - addr.BitLen()
	return netip.PrefixFrom(addr, ones), ones >= 0
}

// source returns the address from which a datagram to a group leaves by the link; the zero Addr if the link has none
// of the family.
func (l *link) source(v6 bool) (addr netip.Addr) {
	for _, p := range l.prefixes {
		switch {
		case p.Addr().Is6() != v6:
		case p.Addr().IsLinkLocalUnicast() == v6:
			return p.Addr() // link-local for IPv6, any other for IPv4
		case !addr.IsValid():
			addr = p.Addr()
		}
	}
	return addr
}

// broadcast returns the directed broadcast address of a network (RFC 919), if it has one. The loopback network does,
// which on Linux works where multicast over the loopback interface does not.
func broadcast(p netip.Prefix) (netip.Addr, bool) {
	if !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}, false
	}
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b), true
}
