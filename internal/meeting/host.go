package meeting

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/botsync/botsync/internal/meeting/crowd"
	"github.com/cenkalti/backoff/v5"
)

const (
	// maxPending bounds the connections of one Host whose peers have not proved to know the code.
	maxPending = 512
	// pendingGrace is how long each of them is safe, and again from when it has first said something. A guest on the
	// same network speaks within a round trip, and the host needs a millisecond to check what it says, but
	// a machine under attack is slow. Together the two let 3,400 silent connections a second pass.
	pendingGrace = 150 * time.Millisecond
	// steady is how long a way must have been open for its next failure to count as the first.
	steady = 10 * time.Second
)

// A State is how a way is doing.
type State struct {
	Way    string
	Target string
	Open   bool  // guests can find the host by it
	Err    error // what is wrong; when Open, what does not work as it should; nil if all is well
}

// HostOptions are what a Host may be told. The zero value is fine.
type HostOptions struct {
	// Report is called whenever a way's state changes, never twice at a time. It must not block.
	Report func(State)
}

// Host waits at place, on all ways, until ctx ends. A way that fails is opened again, soon at first and then ever
// more rarely, and never gets in the way of another.
//
// serve is called for every connection, in a goroutine of its own, with the name of the way. It must check
// who is there, call Authenticated when it knows, and return when its ctx ends. Connections are closed
// when serve returns, and when ctx ends.
//
// Host returns when all that it started has ended. It returns the cause of ctx's end, or at once
// an error if the place is malformed or there are no ways.
func Host(ctx context.Context, ways []Way, place Place, opts HostOptions, serve func(ctx context.Context, way string, conn net.Conn)) error {
	if err := check(ways, place); err != nil {
		return err
	}
	h := &hosting{
		place:   place,
		serve:   serve,
		pending: crowd.New[netip.Addr](maxPending, pendingGrace),
		states:  make([]State, len(ways)),
		report:  opts.Report,
	}
	for i, way := range ways {
		h.states[i] = State{Way: way.Name(), Target: way.Target()}
		h.running.Go(func() { h.keepOpen(ctx, i, way) })
	}
	h.running.Wait()
	return context.Cause(ctx)
}

func check(ways []Way, place Place) error {
	if _, err := ParseLabel(string(place.Label)); err != nil {
		return err
	}
	if len(ways) == 0 {
		return errors.New("there is no way to meet")
	}
	return nil
}

type hosting struct {
	place   Place
	serve   func(ctx context.Context, way string, conn net.Conn)
	pending *crowd.Crowd[netip.Addr]
	running sync.WaitGroup

	mu     sync.Mutex
	states []State
	report func(State)
}

// keepOpen runs a way until ctx ends.
func (h *hosting) keepOpen(ctx context.Context, i int, way Way) {
	pause := newBackOff()
	for ctx.Err() == nil {
		var opened time.Time
		err := way.Host(ctx, h.place, func(degraded error) {
			if opened.IsZero() {
				opened = time.Now()
			}
			h.setState(i, true, degraded)
		}, func(conn net.Conn) { h.accept(ctx, way.Name(), conn) })
		if ctx.Err() != nil {
			return
		}
		h.setState(i, false, err)
		if !opened.IsZero() && time.Since(opened) >= steady {
			pause.Reset()
		}
		sleep(ctx, retryDelay(err, pause.NextBackOff()))
	}
}

// newBackOff starts at about 100 ms, since the usual failure is a relay that is being restarted or a network that
// is about to return, and slows down to about 15 seconds.
func newBackOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = 100 * time.Millisecond
	b.Multiplier = 2
	b.MaxInterval = 15 * time.Second
	return b
}

// retryDelay is delay, or what the error asks for if that is longer.
func retryDelay(err error, delay time.Duration) time.Duration {
	if after, ok := errors.AsType[*retryAfterError](err); ok {
		return max(delay, after.after)
	}
	return delay
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (h *hosting) setState(i int, open bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &h.states[i]
	first := !s.Open && s.Err == nil
	same := s.Open == open && errorText(s.Err) == errorText(err)
	s.Open, s.Err = open, err
	if h.report != nil && (first || !same) {
		h.report(*s)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// accept serves a connection, once there is room for it.
func (h *hosting) accept(ctx context.Context, way string, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	seat, err := h.pending.Enter(ctx, remoteIP(conn), cancel)
	if err != nil {
		cancel()
		conn.Close()
		return
	}
	c := &hostConn{Conn: conn, seat: seat}
	h.running.Go(func() {
		defer cancel()
		defer c.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		h.serve(ctx, way, c)
	})
}

// remoteIP is whose connection it is; the zero Addr if there is no address, as on a relay.
func remoteIP(conn net.Conn) netip.Addr {
	ap, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	return ap.Addr().Unmap()
}

// A hostConn is a connection that sits in the crowd until its peer is known.
type hostConn struct {
	net.Conn
	seat  *crowd.Seat[netip.Addr]
	spoke atomic.Bool
}

func (c *hostConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.spoke.Swap(true) {
		c.seat.Renew()
	}
	return n, err
}

func (c *hostConn) Close() error {
	c.seat.Leave()
	return c.Conn.Close()
}
