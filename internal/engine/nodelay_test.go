//go:build unix

package engine

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNoDelay(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp4", "tcp6"} {
		l, err := net.Listen(network, "localhost:0")
		if err != nil {
			t.Logf("%s: %v", network, err)
			continue
		}
		defer l.Close()
		dialled, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer dialled.Close()
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		for what, conn := range map[string]net.Conn{"dialled": dialled, "accepted": accepted} {
			if err := conn.(*net.TCPConn).SetNoDelay(false); err != nil {
				t.Fatal(err)
			}
			noDelay(conn.RemoteAddr())
			raw, err := conn.(*net.TCPConn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			var value int
			var got error
			if err := raw.Control(func(fd uintptr) { value, got = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY) }); err != nil {
				t.Fatal(err)
			}
			if got != nil || value == 0 {
				t.Errorf("%s, %s: TCP_NODELAY is %d, %v", network, what, value, got)
			}
		}
	}
}
