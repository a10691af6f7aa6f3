package meeting

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/botsync/botsync/internal/meeting/relayurl"
)

const (
	// maxGlobalAddress is the longest address that is looked at, in bytes.
	maxGlobalAddress = 512
	// maxAnnouncedAddresses bounds the addresses of its own that a host announces, of IPv4 and IPv6 each.
	maxAnnouncedAddresses = 5
)

// parseIP reads an IP address without a zone, which means nothing on another machine.
func parseIP(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	return addr.Unmap(), err == nil && addr.Zone() == ""
}

// dialableIP reports whether it may make sense to dial an address that a stranger named. Private networks are fine: host
// and guest may share one through which no multicast goes.
func dialableIP(addr netip.Addr, loopback bool) bool {
	switch {
	case !addr.IsValid(), addr.IsUnspecified(), addr.IsMulticast(), addr.IsLinkLocalUnicast():
		return false
	case addr.IsLoopback():
		return loopback
	case addr.Is4():
		b := addr.As4()
		return b[0] != 0 && b[0] < 240 // "this network" and reserved, RFC 6890
	}
	return true
}

// guardedDialer dials only what dialableIP allows, whatever a name resolves to.
func guardedDialer(loopback bool) *net.Dialer {
	return &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !dialableIP(ap.Addr().Unmap(), loopback) || ap.Port() == 0 {
			return fmt.Errorf("%s is not an address to go to", address)
		}
		return nil
	}}
}

// A globalCandidate is an address at which the host may be, from a discovery server.
type globalCandidate struct {
	direct netip.AddrPort // zero if it is a relay
	relay  syncRelay
}

// String is the same for all that lead to the same place.
func (c globalCandidate) String() string {
	if c.direct.IsValid() {
		return "tcp://" + c.direct.String()
	}
	return c.relay.String()
}

// parseGlobalCandidate reads an address that a discovery server named. Only IP addresses are dialled directly, since
// our hosts announce nothing else.
func parseGlobalCandidate(s string, loopback bool) (c globalCandidate, ok bool) {
	if len(s) > maxGlobalAddress {
		return c, false
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil {
		return c, false
	}
	switch u.Scheme {
	case "tcp", "tcp4", "tcp6":
		addr, ok := parseIP(u.Hostname())
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if !ok || err != nil || port == 0 || !dialableIP(addr, loopback) {
			return c, false
		}
		c.direct = netip.AddrPortFrom(addr, uint16(port))
	case "relay":
		if c.relay, err = parseSyncRelay(u); err != nil {
			return c, false
		}
		if addr, ok := parseIP(c.relay.host); ok && !dialableIP(addr, loopback) {
			return c, false
		}
	default:
		return c, false
	}
	return c, true
}

// A syncRelay is a relay of Syncthing.
type syncRelay struct {
	host  string // IP address or name
	port  uint16
	id    deviceID // zero for any
	token string
}

// parseSyncRelay reads relay://host:port/?id=…&token=…; other parameters are for statistics.
func parseSyncRelay(u *url.URL) (syncRelay, error) {
	r := syncRelay{host: strings.ToLower(u.Hostname()), token: u.Query().Get("token")}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	_, isIP := parseIP(r.host)
	switch {
	case u.Scheme != "relay":
		return r, fmt.Errorf("its scheme is %s instead of relay", clean(u.Scheme))
	case r.host == "" || !isIP && (!relayurl.IsHostName(r.host) || len(r.host) > 253):
		return r, errors.New("it names no host; it looks like relay://relay.example.org:22067/?id=…")
	case err != nil || port == 0:
		return r, errors.New("it names no port; it looks like relay://relay.example.org:22067/?id=…")
	case len(r.token) > 256:
		return r, errors.New("its token is too long")
	}
	r.port = uint16(port)
	if id := u.Query().Get("id"); id != "" {
		if r.id, err = parseDeviceID(id); err != nil {
			return r, errors.New("its id is malformed")
		}
	}
	return r, nil
}

func (r syncRelay) hostPort() string { return net.JoinHostPort(r.host, strconv.Itoa(int(r.port))) }

// String is the form in which a host announces the relay: without the token, which guests do not need.
func (r syncRelay) String() string {
	s := "relay://" + r.hostPort()
	if r.id != (deviceID{}) {
		s += "/?id=" + r.id.String()
	}
	return s
}

// ownAddresses returns what a host that listens on a port announces of its own: the address that the server sees, and
// those of its interfaces, first the public ones.
func ownAddresses(port uint16, links []link, loopback bool) []string {
	all := []string{fmt.Sprintf("tcp://:%d", port)}
	n := map[bool]int{} // by whether it is IPv6
	for _, public := range []bool{true, false} {
		for _, l := range links {
			for _, p := range l.prefixes {
				addr := p.Addr()
				if addr.IsPrivate() == public || !dialableIP(addr, loopback) || n[addr.Is6()] >= maxAnnouncedAddresses {
					continue
				}
				n[addr.Is6()]++
				all = append(all, "tcp://"+netip.AddrPortFrom(addr, port).String())
			}
		}
	}
	return all
}
