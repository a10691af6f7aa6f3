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

	mu       sync.Mutex
	watchdog *time.Timer // while awaitFirst waits
}

var errGuestLeft = errors.New("the guest left without a word")

// open starts using a WebSocket.
func (c *relayConn) open(ws *websocket.Conn) {
	c.ws = ws
	// NetConn takes away the limit on a message's size; it reads piece by piece and does not need one.
	c.Conn = websocket.NetConn(context.Background(), ws, websocket.MessageBinary)
}

// awaitFirst waits until the guest has spoken; the first that it said is then the first that Read returns. It
// cuts the connection when the relay has been silent for long.
func (c *relayConn) awaitFirst(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	c.mu.Lock()
	c.watchdog = time.AfterFunc(silentRelay, c.cut)
	c.mu.Unlock()

	buf := make([]byte, 4<<10)
	n, err := c.Conn.Read(buf)

	c.mu.Lock()
	c.watchdog.Stop()
	c.watchdog = nil
	c.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return explainClose(err)
	}
	c.first = buf[:n]
	return nil
}

// pinged notes that the relay is alive. It lets the ping be answered.
func (c *relayConn) pinged(context.Context, []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watchdog != nil {
		c.watchdog.Reset(silentRelay)
	}
	return true
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
