package meeting

import (
	"fmt"
	"net"
	"net/netip"
)

// LANPort is the UDP port of the lan way, and the TCP port of a host if it is free.
const LANPort = 21128

// The multicast groups of the lan way: an administratively scoped one (RFC 2365, section 6.1) and one of link-local
// scope with the transient flag (RFC 4291, section 2.7), since neither is assigned by IANA.
var (
	lanGroup4 = netip.MustParseAddr("239.255.211.28")
	lanGroup6 = netip.MustParseAddr("ff12::b075:2112:8")
)

// A LANConfig says how the lan way reaches the network. The zero value is what botsync uses; tests have reasons to
// differ.
type LANConfig struct {
	// Port is the UDP port that all hosts and guests share; 0 stands for LANPort.
	Port int
	// Interfaces returns the interfaces to use, of which those that are down are left out; nil stands for
	// net.Interfaces.
	Interfaces func() ([]net.Interface, error)
}

// LAN is the way to a device on the same network or the same machine: label announced and asked for by multicast and
// broadcast on every interface, and TCP to whoever answers.
//
// Only addresses of the networks that this machine is itself connected to are answered, dialled or accepted, and
// only the source address of a datagram is ever dialled.
type LAN struct {
	port       uint16
	interfaces func() ([]net.Interface, error)
}

// NewLAN returns the lan way.
func NewLAN(cfg LANConfig) *LAN {
	l := &LAN{port: uint16(cfg.Port), interfaces: cfg.Interfaces}
	if l.port == 0 {
		l.port = LANPort
	}
	if l.interfaces == nil {
		l.interfaces = net.Interfaces
	}
	return l
}

// Name is "lan".
func (*LAN) Name() string { return "lan" }

// Target names the port.
func (l *LAN) Target() string { return fmt.Sprintf("UDP port %d", l.port) }
