package meeting

import (
	"context"
	"errors"
	"fmt"
	"net"
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
