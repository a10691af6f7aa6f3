package meeting

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// A lanSocket sends and receives the datagrams of one address family.
type lanSocket struct {
	v6    bool
	group *net.UDPAddr
	conn  *net.UDPConn
	p4    *ipv4.PacketConn // one of the two is set
	p6    *ipv6.PacketConn
}

// openLANSocket opens a socket. With shared it is bound to the group's port, which it shares with every other
// socket that is opened like this, on the understanding that each receives what is sent to all; else to a
// port of its own.
func openLANSocket(v6 bool, port uint16, shared bool) (*lanSocket, error) {
	s := &lanSocket{v6: v6, group: net.UDPAddrFromAddrPort(netip.AddrPortFrom(lanGroup4, port))}
	network, lc, bind := "udp4", net.ListenConfig{}, uint16(0)
	if v6 {
		network, s.group = "udp6", net.UDPAddrFromAddrPort(netip.AddrPortFrom(lanGroup6, port))
	}
	if shared {
		lc.Control, bind = sharePort, port
	}
	c, err := lc.ListenPacket(context.Background(), network, fmt.Sprintf(":%d", bind))
	if err != nil {
		return nil, err
	}
	s.conn = c.(*net.UDPConn)
	// What is sent goes one hop, and comes back to other sockets of this machine. The errors are
	// those of systems that lack the option, whose defaults are the same.
	if v6 {
		s.p6 = ipv6.NewPacketConn(c)
		s.p6.SetMulticastLoopback(true)
		s.p6.SetMulticastHopLimit(1)
	} else {
		s.p4 = ipv4.NewPacketConn(c)
		s.p4.SetMulticastLoopback(true)
		s.p4.SetMulticastTTL(1)
	}
	return s, nil
}

// join makes the socket receive what is sent to the group on the links. It is repeated to catch up with
// links that came or came back: joining twice is an error without consequence, and a link on which joining is
// not possible still has broadcast.
func (s *lanSocket) join(links []link) {
	for _, l := range links {
		switch {
		case !l.source(s.v6).IsValid():
		case s.v6:
			s.p6.JoinGroup(&l.Interface, s.group)
		default:
			s.p4.JoinGroup(&l.Interface, s.group)
		}
	}
}

// send sends a datagram to everyone on the links, and returns how many times that worked and the last error. What is
// sent is asked for each time, with the address that it will probably come from. A socket must have one
// sender at a time.
func (s *lanSocket) send(packet func(from netip.Addr) []byte, links []link) (sent int, err error) {
	write := func(from netip.Addr, to *net.UDPAddr) {
		if _, werr := s.conn.WriteToUDP(packet(from), to); werr != nil {
			err = werr
		} else {
			sent++
		}
	}
	for _, l := range links {
		from := l.source(s.v6)
		if !from.IsValid() {
			continue
		}
		if s.v6 {
			write(from, &net.UDPAddr{IP: s.group.IP, Port: s.group.Port, Zone: l.Name})
			continue
		}
		if serr := s.p4.SetMulticastInterface(&l.Interface); serr != nil {
			err = serr
		} else {
			write(from, s.group)
		}
		for _, p := range l.prefixes {
			if to, ok := broadcast(p); ok {
				write(p.Addr(), &net.UDPAddr{IP: to.AsSlice(), Port: s.group.Port})
			}
		}
	}
	return sent, err
}

// receive calls handle for every datagram of ours until the socket is closed.
func (s *lanSocket) receive(handle func(p lanPacket, from netip.AddrPort)) {
	// One byte more than a packet, to see that a longer one is longer.
	buf := make([]byte, lanPacketLen+1)
	for failed := 0; failed < 1000; {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Windows reports what is too long, and what an earlier datagram ran into, as errors.
			failed++
			time.Sleep(time.Millisecond)
			continue
		}
		failed = 0
		if p, err := parseLANPacket(buf[:n]); err == nil {
			handle(p, from)
		}
	}
}
