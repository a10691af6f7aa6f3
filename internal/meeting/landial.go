package meeting

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/meeting/crowd"
)

// askEvery is how long a guest waits between questions, the first of which is asked at once.
var askEvery = []time.Duration{
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond,
	750 * time.Millisecond, time.Second,
}

const (
	// maxTries bounds the addresses that are tried at once; triesGrace is how long each is safe from being given
	// up for another one that waits. Together they get through 640 claims a second of somebody who lets every
	// connection hang, while a host on the same network has answered after some milliseconds.
	maxTries   = 128
	triesGrace = 200 * time.Millisecond
	// connectTimeout bounds connecting to an address of the local network.
	connectTimeout = 3 * time.Second
)

// Dial asks for the host on the local networks until ctx ends.
func (l *LAN) Dial(ctx context.Context, place Place, offer func(ctx context.Context, conn net.Conn)) error {
	label, ok := place.Label.bytes()
	if !ok {
		return errMalformed
	}
	d := &lanDialling{view: linkView{interfaces: l.interfaces}, label: label, secret: place.Secret, proven: newPool(), claimed: newPool(), offer: offer}
	askers, listeners, err := l.openForGuest()
	if err != nil {
		return fmt.Errorf("opening a UDP socket: %w", err)
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	for _, s := range append(listeners, askers...) {
		defer s.conn.Close()
		workers.Go(func() { s.receive(d.hear) })
	}
	workers.Go(func() { d.tryAll(ctx, d.proven) })
	workers.Go(func() { d.tryAll(ctx, d.claimed) })
	return d.ask(ctx, askers, listeners)
}

// openForGuest opens the sockets to ask with, and those to hear announcements with, of which there may be none:
// then the answers must do.
func (l *LAN) openForGuest() (askers, listeners []*lanSocket, err error) {
	for _, v6 := range []bool{false, true} {
		if s, aerr := openLANSocket(v6, l.port, false); aerr == nil {
			askers = append(askers, s)
		} else if !v6 {
			err = aerr
		}
		if s, lerr := openLANSocket(v6, l.port, true); lerr == nil {
			listeners = append(listeners, s)
		}
	}
	if len(askers) > 0 {
		return askers, listeners, nil
	}
	for _, s := range listeners {
		s.conn.Close()
	}
	return nil, nil, err
}

type lanDialling struct {
	view   linkView
	label  [32]byte
	secret [32]byte
	offer  func(ctx context.Context, conn net.Conn)

	// Who has proved to know the secret is tried apart from who only claims to be the host, so that no number of
	// claims delays it.
	proven, claimed *pool
}

// ask sends questions until ctx ends. It returns an error if none could be sent.
func (d *lanDialling) ask(ctx context.Context, askers, listeners []*lanSocket) error {
	query := lanPacket{kind: lanQuery, label: d.label}.encode()
	sent, problem := 0, error(nil)
	for i := 0; ctx.Err() == nil; i++ {
		links, err := d.view.get()
		if err != nil {
			problem = err
		}
		for _, s := range listeners {
			s.join(links)
		}
		for _, s := range askers {
			n, err := s.send(func(netip.Addr) []byte { return query }, links)
			sent += n
			if err != nil {
				problem = err
			}
		}
		sleep(ctx, askEvery[min(i, len(askEvery)-1)])
	}
	if sent > 0 {
		return nil
	}
	if problem == nil {
		problem = errors.New("no time to ask")
	}
	return fmt.Errorf("asking on the local networks: %w", problem)
}

// hear takes note of who claims to be the host. Where it can be reached is where the datagram came from; a packet
// that could name another address could send a guest anywhere.
func (d *lanDialling) hear(p lanPacket, from netip.AddrPort) {
	if p.kind == lanQuery || p.label != d.label || !d.view.isLocal(from.Addr()) {
		return
	}
	at := netip.AddrPortFrom(from.Addr().Unmap(), p.port)
	if want := prove(d.secret, at.Addr(), p.port); hmac.Equal(p.proof[:], want[:]) {
		d.proven.add(at)
	} else {
		d.claimed.add(at)
	}
}

// tryAll tries the addresses of a pool until ctx ends, and returns when all tries have.
func (d *lanDialling) tryAll(ctx context.Context, from *pool) {
	tries := crowd.New[netip.Addr](maxTries, triesGrace)
	var running sync.WaitGroup
	defer running.Wait()
	for {
		ap, err := from.next(ctx)
		if err != nil {
			return
		}
		// The end of the look-up does not end a try, the end of all that was begun with it does: see Way.
		tryCtx, giveUp := context.WithCancel(context.WithoutCancel(ctx))
		seat, err := tries.Enter(ctx, ap.Addr(), giveUp)
		if err != nil {
			giveUp()
			return
		}
		running.Go(func() {
			defer giveUp()
			defer seat.Leave()
			defer from.failed(ap)
			d.try(ctx, tryCtx, ap)
		})
	}
}

// try connects to a claimed address, as long as one looks, and offers the connection.
func (d *lanDialling) try(looking, tryCtx context.Context, ap netip.AddrPort) {
	connectCtx, cancel := context.WithTimeout(tryCtx, connectTimeout)
	defer cancel()
	defer context.AfterFunc(looking, cancel)()
	var dialer net.Dialer
	conn, err := dialer.DialContext(connectCtx, "tcp", ap.String())
	if err != nil {
		return
	}
	d.offer(tryCtx, conn)
}
