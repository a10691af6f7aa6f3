package meeting

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// acceptAll hands connections to accept until the listener ends, and returns why it did.
func acceptAll(ctx context.Context, ln net.Listener, accept func(net.Conn)) error {
	for failed := 0; ; {
		c, err := ln.Accept()
		if err == nil {
			failed = 0
			accept(c)
			continue
		}
		// Being out of file descriptors passes, and so does a connection that is broken before its time.
		if failed++; failed >= 1000 || errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("listening for guests: %w", err)
		}
		sleep(ctx, 5*time.Millisecond)
	}
}

// listenTCP listens on a port, or on any if it is taken.
func listenTCP(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig
	if ln, err := lc.Listen(ctx, "tcp", ":"+strconv.Itoa(max(port, 0))); err == nil {
		return ln, nil
	}
	return lc.Listen(ctx, "tcp", ":0")
}

// mapTimeout bounds what is asked of a router.
const mapTimeout = 5 * time.Second

// mapOn has a router map a port, and returns the address that guests can use. A mapping is of use only if the router has
// a public address itself.
func mapOn(ctx context.Context, port uint16, publicAddress func(context.Context) (net.IP, error),
	mapPort func(context.Context) (int, error)) (at string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, mapTimeout)
	defer cancel()
	ip, err := publicAddress(ctx)
	if err != nil {
		return "", false
	}
	addr, _ := netip.AddrFromSlice(ip)
	if addr = addr.Unmap(); !dialableIP(addr, false) || addr.IsPrivate() {
		return "", false
	}
	external, err := mapPort(ctx)
	if err != nil || external < 1 || external > 65535 {
		return "", false
	}
	return "tcp://" + netip.AddrPortFrom(addr, uint16(external)).String(), true
}
