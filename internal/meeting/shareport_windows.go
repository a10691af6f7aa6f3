package meeting

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// sharePort lets several sockets be bound to one UDP port. Windows has only SO_REUSEADDR, and gives every socket each
// multicast and broadcast datagram.
func sharePort(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
	}); cerr != nil {
		return cerr
	}
	return err
}
