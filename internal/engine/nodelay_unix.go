//go:build unix

package engine

import (
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// noDelay has the TCP connection to a remote address send what it is given at
// once. Syncthing asks for the opposite (dialer.SetTCPOptions): the second of two
// small messages then waits until the peer has confirmed the first, which a peer
// that has nothing to say does after 40 ms. It keeps the connection to itself, so
// it is looked for among the files that this process has open. Not finding it
// costs no more than those 40 ms.
func noDelay(remote net.Addr) {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return
	}
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		return
	}
	for _, entry := range open {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if peer, err := unix.Getpeername(fd); err == nil && addrPort(peer) == unmapped(tcp.AddrPort()) {
			// If another file took its place just now, this does it no harm.
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		}
	}
}

func addrPort(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return unmapped(netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)))
	}
	return netip.AddrPort{}
}

// unmapped drops the zone too: the two sides name it differently.
func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
