package meeting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// closeGrace is how long a relay has to answer when we say goodbye.
const closeGrace = 500 * time.Millisecond

// A relayConn is the stream of bytes to the other side of a relay. As with any WebSocket, an expired deadline
// ends it for good.
type relayConn struct {
	net.Conn // of the websocket package
	ws       *websocket.Conn
	cut      func() // closes the TCP connection
	addr     relayAddr
	closing  sync.Once

	readBy, writeBy atomic.Pointer[time.Time]

	first []byte // what awaitFirst has read, for Read
}

func newRelayConn(ws *websocket.Conn, cut func(), target string) *relayConn {
	// NetConn takes away the limit on a message's size, which it needs not, since it never holds a whole one.
	return &relayConn{Conn: websocket.NetConn(context.Background(), ws, websocket.MessageBinary), ws: ws, cut: cut, addr: relayAddr(target)}
}

// awaitFirst waits until the guest has spoken; the first that it said is then the first that Read returns.
// Meanwhile it makes sure that the relay is still there.
func (c *relayConn) awaitFirst(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	alive, stop := context.WithCancel(ctx)
	var pinging sync.WaitGroup
	defer pinging.Wait()
	defer stop()
	pinging.Go(func() { c.keepAlive(alive) })

	buf := make([]byte, 4<<10)
	n, err := c.Conn.Read(buf)
	if err != nil {
		return explainClose(err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.first = buf[:n]
	return nil
}

// keepAlive pings the relay until ctx ends, and cuts the connection if it does not answer.
func (c *relayConn) keepAlive(ctx context.Context) {
	for {
		sleep(ctx, relayPingEvery)
		if ctx.Err() != nil {
			return
		}
		// Writing under a ctx that ends would end the connection, so the ping gets one of its own; it
		// cannot be told to stop, so nobody waits for it once a guest has spoken.
		timeout, cancel := context.WithTimeout(context.Background(), relayPingTimeout)
		pong := make(chan error, 1)
		go func() { defer cancel(); pong <- c.ws.Ping(timeout) }()
		select {
		case err := <-pong:
			if err != nil {
				c.cut()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// explainClose says in words how a waiting host's connection ended.
func explainClose(err error) error {
	ce, ok := errors.AsType[websocket.CloseError](err)
	switch {
	case errors.Is(err, io.EOF):
		// The relay, or the guest through it, has closed in an orderly way.
		return errGuestLeft
	case ok && ce.Code == websocket.StatusPolicyViolation:
		return errGuestLeft
	case ok:
		return fmt.Errorf("closed the connection: %d %s", ce.Code, clean(ce.Reason))
	default:
		return fmt.Errorf("the connection was lost: %w", innermost(err))
	}
}

func (c *relayConn) Read(b []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	n, err := c.Conn.Read(b)
	return n, timedOut(err, c.readBy.Load())
}

func (c *relayConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	return n, timedOut(err, c.writeBy.Load())
}

// timedOut turns the error of an expired deadline into the one that net.Conn promises.
func timedOut(err error, by *time.Time) error {
	if err != nil && err != io.EOF && by != nil && !by.IsZero() && !time.Now().Before(*by) {
		return os.ErrDeadlineExceeded
	}
	return err
}

func (c *relayConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *relayConn) SetReadDeadline(t time.Time) error {
	c.readBy.Store(&t)
	return c.Conn.SetReadDeadline(t)
}

func (c *relayConn) SetWriteDeadline(t time.Time) error {
	c.writeBy.Store(&t)
	return c.Conn.SetWriteDeadline(t)
}

// Close says goodbye, but not for long. What was written before has been sent.
func (c *relayConn) Close() error {
	c.closing.Do(func() {
		defer c.cut()
		defer time.AfterFunc(closeGrace, c.cut).Stop()
		c.ws.Close(websocket.StatusNormalClosure, "")
	})
	return nil
}

func (c *relayConn) LocalAddr() net.Addr  { return c.addr }
func (c *relayConn) RemoteAddr() net.Addr { return c.addr }

// A relayAddr is the URL of the relay: what is behind it has no address.
type relayAddr string

func (relayAddr) Network() string  { return "websocket" }
func (a relayAddr) String() string { return string(a) }
