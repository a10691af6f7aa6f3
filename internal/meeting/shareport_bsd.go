//go:build unix && !linux

package meeting

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// sharePort lets several sockets be bound to one UDP port. macOS and the BSDs ask for SO_REUSEPORT, and give every
// socket each multicast and broadcast datagram.
func sharePort(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err == nil {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}
	}); cerr != nil {
		return cerr
	}
	return err
}
