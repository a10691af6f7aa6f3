package meeting

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxSyncSessions bounds the sessions of one relay that are being joined at a time, and sessionRate those of a second;
	// a burst of sessionBurst is fine.
	maxSyncSessions = 16
	sessionRate     = 10
	sessionBurst    = 30
)

// stayAtRelay is at a relay, or at one of a pool, until ctx ends.
func (h *globalHosting) stayAtRelay(ctx context.Context, i int, s *syncRelaySource) {
	pause := newBackOff()
	pause.InitialInterval, pause.MaxInterval = time.Second, time.Minute
	sessions := newSyncSessions(h.accept)
	defer sessions.running.Wait()
	for ctx.Err() == nil {
		conn, at, err := s.join(ctx, h.id)
		h.lookAround()
		if err == nil && !h.has(localIP(conn)) {
			conn.Close()
			err = errNetworkChanged
		}
		if err == nil {
			began := time.Now()
			h.setRelay(i, at.String(), nil)
			err = h.serveRelay(ctx, conn, sessions)
			if time.Since(began) >= steady {
				pause.Reset()
			}
		}
		if ctx.Err() != nil {
			return
		}
		h.setRelay(i, "", err)
		sleep(ctx, retryDelay(err, pause.NextBackOff()))
	}
}

// serveRelay serves a joined relay until it is lost. When the address from which we reached it is gone, so is the
// connection, though nobody will tell us.
func (h *globalHosting) serveRelay(ctx context.Context, conn *tls.Conn, sessions *syncSessions) error {
	ctx, lost := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer lost(nil)
	watching.Go(func() { lost(h.awaitLoss(ctx, localIP(conn))) })
	at := remoteIP(conn)
	return serveSyncRelay(ctx, conn, func(m syncRelayHeard) { sessions.join(ctx, m, at) })
}

// A syncSessions joins the sessions to which one relay invites, unless there are too many: others have limits of their
// own, so that a relay that floods us harms nobody but those who come through it.
type syncSessions struct {
	accept  func(net.Conn)
	pace    *rate.Limiter
	joining chan struct{}
	running sync.WaitGroup
}

func newSyncSessions(accept func(net.Conn)) *syncSessions {
	return &syncSessions{
		accept: accept, pace: rate.NewLimiter(sessionRate, sessionBurst), joining: make(chan struct{}, maxSyncSessions),
	}
}

// join takes up an invitation of the relay at an address.
func (s *syncSessions) join(ctx context.Context, m syncRelayHeard, at netip.Addr) {
	if !s.pace.Allow() {
		return
	}
	select {
	case s.joining <- struct{}{}:
	default:
		return
	}
	s.running.Go(func() {
		conn, err := joinSyncSession(ctx, m, at)
		<-s.joining
		if err == nil {
			s.accept(conn)
		}
	})
}

var errNetworkChanged = errors.New("the network has changed")

// has reports whether this machine had an address when it was last looked up.
func (h *globalHosting) has(addr netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.local, addr)
}

func localIP(conn net.Conn) netip.Addr {
	ap, _ := netip.ParseAddrPort(conn.LocalAddr().String())
	return ap.Addr().Unmap().WithZone("")
}

// awaitLoss waits until this machine no longer has an address, or ctx ends.
func (h *globalHosting) awaitLoss(ctx context.Context, addr netip.Addr) error {
	for {
		_, changed := h.addresses()
		if !h.has(addr) {
			return errNetworkChanged
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
