package relay

import (
	"context"
	"net"
	"net/netip"

	"github.com/botsync/botsync/internal/meeting/crowd"
)

// A listener bounds the connections that are not yet part of a meeting.
type listener struct {
	net.Listener
	relay *Server
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		addr := parseHost(c.RemoteAddr().String())
		if contains(l.relay.cfg.TrustedProxies, addr) {
			// All clients come from this one address, and the proxy has limits of its own.
			return c, nil
		}
		seat, err := l.relay.pending.Enter(l.relay.stopping, account(addr), func() { c.Close() })
		if err != nil {
			c.Close()
			continue // stopping: the listener is about to be closed
		}
		return &pendingConn{Conn: c, seat: seat}, nil
	}
}

type pendingConn struct {
	net.Conn
	seat *crowd.Seat[netip.Prefix]
}

func (c *pendingConn) Close() error {
	c.seat.Leave()
	return c.Conn.Close()
}

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// promote takes the connection of a request out of the pending ones.
func promote(ctx context.Context) {
	if c, ok := ctx.Value(connKey{}).(*pendingConn); ok {
		c.seat.Leave()
	}
}
