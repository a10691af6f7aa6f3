package meeting

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// sharePort lets several sockets be bound to one UDP port. On Linux every one of them then gets each
// multicast and broadcast datagram. SO_REUSEPORT would do too, but only among processes of one user.
func sharePort(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}); cerr != nil {
		return cerr
	}
	return err
}
