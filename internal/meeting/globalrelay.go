package meeting

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"
)

const (
	// syncRelayTimeout bounds getting from nothing to being joined, and to a session.
	syncRelayTimeout = 8 * time.Second
	// syncRelaySilence is how long a joined relay may be silent before it is taken for dead. Relays ping every minute.
	syncRelaySilence = 150 * time.Second
	// letHostFirst to twice as long is how long a guest waits before it joins a session.
	letHostFirst = 15 * time.Millisecond
)

var errNoSyncRelay = errors.New("is no relay of Syncthing")

// cutOnDone closes conn when ctx ends, until stop is called; stop reports whether conn is still open.
func cutOnDone(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { conn.Close() })
}

// greetSyncRelay makes a TLS connection to a relay out of a TCP connection, and closes that if it cannot.
func greetSyncRelay(ctx context.Context, tcp net.Conn, r syncRelay, as globalIdentity) (*tls.Conn, error) {
	conn := tls.Client(tcp, &tls.Config{
		Certificates: []tls.Certificate{as.cert},
		NextProtos:   []string{syncRelayProtocol},
		ServerName:   r.host,
		MinVersion:   tls.VersionTLS12,
		// Relays have self-signed certificates. If its ID is known, that is what counts; nothing secret passes either way.
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			switch {
			case cs.NegotiatedProtocol != syncRelayProtocol:
				return errNoSyncRelay
			case r.id == (deviceID{}):
				return nil
			case len(cs.PeerCertificates) == 0 || deviceIDOf(cs.PeerCertificates[0].Raw) != r.id:
				return errOtherCertificate
			}
			return nil
		},
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		tcp.Close()
		return nil, err
	}
	return conn, nil
}

// joinSyncRelay makes us reachable at a relay. The connection stays open for as long as we are; its messages are read
// by serveSyncRelay.
func joinSyncRelay(ctx context.Context, tcp net.Conn, r syncRelay, as globalIdentity) (*tls.Conn, error) {
	conn, err := greetSyncRelay(ctx, tcp, r, as)
	if err != nil {
		return nil, err
	}
	if err := askToJoin(ctx, conn, func() error { return writeJoinRelay(conn, r.token) }); err != nil {
		return nil, err
	}
	return conn, nil
}

// askToJoin sends a request and reads the answer. It closes conn if that is not yes.
func askToJoin(ctx context.Context, conn net.Conn, send func() error) error {
	stop := cutOnDone(ctx, conn)
	err := send()
	if err == nil {
		err = expectYes(conn)
	}
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
	}
	return err
}

// expectYes reads the answer to a request.
func expectYes(conn net.Conn) error {
	m, err := readSyncRelay(conn)
	switch {
	case err != nil:
		return err
	case m.kind == syncRelayFull:
		return errors.New("is full")
	case m.kind != syncRelayAnswer:
		return errors.New("does not answer the request")
	}
	return m.refusal
}

// serveSyncRelay reads the messages of a joined relay until it fails or ctx ends, and hands out the invitations.
func serveSyncRelay(ctx context.Context, conn *tls.Conn, invited func(syncRelayHeard)) error {
	defer conn.Close()
	defer cutOnDone(ctx, conn)()
	for {
		conn.SetDeadline(time.Now().Add(syncRelaySilence))
		m, err := readSyncRelay(conn)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("the connection was lost: %w", innermost(err))
		}
		switch m.kind {
		case syncRelayPing:
			if err := writePong(conn); err != nil {
				return fmt.Errorf("the connection was lost: %w", innermost(err))
			}
		case syncRelayInvitation:
			invited(m)
		case syncRelayPong:
		case syncRelayFull:
			return errors.New("is full")
		default:
			return errors.New("says what makes no sense")
		}
	}
}

// askSyncRelay asks a relay for a session with a device.
func askSyncRelay(ctx context.Context, r syncRelay, device deviceID, as globalIdentity, loopback bool) (syncRelayHeard, netip.Addr, error) {
	tcp, err := guardedDialer(loopback).DialContext(ctx, "tcp", r.hostPort())
	if err != nil {
		return syncRelayHeard{}, netip.Addr{}, err
	}
	at := remoteIP(tcp)
	conn, err := greetSyncRelay(ctx, tcp, r, as)
	if err != nil {
		return syncRelayHeard{}, at, err
	}
	defer conn.Close()
	defer cutOnDone(ctx, conn)()
	if err := writeConnect(conn, device); err != nil {
		return syncRelayHeard{}, at, err
	}
	m, err := readSyncRelay(conn)
	switch {
	case err != nil:
		return m, at, err
	case m.kind == syncRelayAnswer && m.refusal != nil:
		return m, at, m.refusal
	case m.kind != syncRelayInvitation:
		return m, at, errors.New("does not answer the request")
	}
	return m, at, nil
}

// joinSyncSession takes up an invitation of the relay at an address, and returns the stream to the other side.
func joinSyncSession(ctx context.Context, m syncRelayHeard, at netip.Addr) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, syncRelayTimeout)
	defer cancel()
	// A relay may hold its sessions elsewhere, but must not send us to our own machine unless it is there itself.
	where := m.session
	if !where.IsValid() {
		where = at
	}
	conn, err := guardedDialer(at.IsLoopback()).DialContext(ctx, "tcp", netip.AddrPortFrom(where, m.port).String())
	if err != nil {
		return nil, err
	}
	if err := askToJoin(ctx, conn, func() error { return writeJoinSession(conn, m.key) }); err != nil {
		return nil, err
	}
	return relayedConn{conn}, nil
}

// relayedConn is a stream through a relay. Its remote address is the relay's, in
// a type of its own, so that nobody takes it for the other side's.
type relayedConn struct{ net.Conn }

func (c relayedConn) RemoteAddr() net.Addr { return relayAddr(c.Conn.RemoteAddr().String()) }

// meetAtSyncRelay gets a stream to a device that is at a relay.
func meetAtSyncRelay(ctx context.Context, r syncRelay, device deviceID, as globalIdentity, loopback bool) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, syncRelayTimeout)
	defer cancel()
	m, at, err := askSyncRelay(ctx, r, device, as, loopback)
	if err != nil {
		return nil, err
	}
	// The relay invites the host at the same time, and refuses one of two who join in the same moment.
	sleep(ctx, letHostFirst+rand.N(letHostFirst))
	return joinSyncSession(ctx, m, at)
}
