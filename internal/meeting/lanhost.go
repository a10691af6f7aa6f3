package meeting

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// announceEvery is how long a host waits between announcements, the first of which comes at once: quick at first
// for a guest that is already looking, and later just often enough for one whose questions do not get through.
var announceEvery = []time.Duration{
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second,
}

// Host waits for guests of the local networks.
func (l *LAN) Host(ctx context.Context, place Place, open func(degraded error), accept func(net.Conn)) error {
	label, ok := place.Label.bytes()
	if !ok {
		return errMalformed
	}
	ln, err := listenLAN(ctx, l.port)
	if err != nil {
		return fmt.Errorf("listening for guests: %w", err)
	}
	h := &lanHosting{
		lan:    l,
		view:   linkView{interfaces: l.interfaces},
		label:  label,
		secret: place.Secret,
		port:   uint16(ln.Addr().(*net.TCPAddr).Port),
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	workers.Go(func() { cancel(h.acceptAll(ctx, ln, accept)) })
	h.announce(ctx, &workers, open)
	ln.Close()
	h.close()
	workers.Wait()
	return context.Cause(ctx)
}

// listenLAN listens on the well-known port, which a firewall can be told to let through, or else on any.
func listenLAN(ctx context.Context, port uint16) (net.Listener, error) {
	var lc net.ListenConfig
	if ln, err := lc.Listen(ctx, "tcp", fmt.Sprintf(":%d", port)); err == nil {
		return ln, nil
	}
	return lc.Listen(ctx, "tcp", ":0")
}

type lanHosting struct {
	lan    *LAN
	view   linkView
	label  [32]byte
	secret [32]byte
	port   uint16
	answer answerLimit
	socks  [2]*lanSocket // IPv4, IPv6; nil where there is none; used by announce only
	shared [2]bool
}

// acceptAll hands the connections of local peers to accept until the listener ends, and returns why it did.
func (h *lanHosting) acceptAll(ctx context.Context, ln net.Listener, accept func(net.Conn)) error {
	for failed := 0; ; {
		c, err := ln.Accept()
		if err != nil {
			// Being out of file descriptors passes, and so does a connection that is broken before its time.
			if failed++; failed < 1000 && !errors.Is(err, net.ErrClosed) {
				sleep(ctx, 5*time.Millisecond)
				continue
			}
			return fmt.Errorf("listening for guests: %w", err)
		}
		failed = 0
		if !h.view.isLocal(remoteIP(c)) {
			c.Close()
			continue
		}
		accept(c)
	}
}

// announce sends announcements until ctx ends, and with each catches up with the interfaces that there are.
func (h *lanHosting) announce(ctx context.Context, workers *sync.WaitGroup, open func(error)) {
	first, last := true, ""
	for i := 0; ctx.Err() == nil; i++ {
		degraded := h.catchUp(workers)
		if err := h.sendAll(); err != nil {
			degraded = err
		}
		if text := errorText(degraded); first || text != last {
			open(degraded)
			first, last = false, text
		}
		sleep(ctx, announceEvery[min(i, len(announceEvery)-1)])
	}
}

// sendAll announces the host to all local networks. That it cannot on some of them, or not by both protocols, is usual.
func (h *lanHosting) sendAll() error {
	links, err := h.view.get()
	if err != nil {
		return err
	}
	sent := 0
	for _, s := range h.socks {
		if s == nil {
			continue
		}
		n, serr := s.send(func(from netip.Addr) []byte { return h.packet(lanAnnounce, from) }, links)
		sent += n
		if serr != nil {
			err = serr
		}
	}
	if sent > 0 {
		return nil
	}
	return fmt.Errorf("announcing on the local networks: %w", err)
}

// catchUp opens the sockets that are missing and joins the group on all links. It returns what keeps questions from
// being heard.
func (h *lanHosting) catchUp(workers *sync.WaitGroup) (degraded error) {
	links, _ := h.view.get()
	for i := range h.socks {
		v6 := i == 1
		if !h.shared[i] {
			s, err := openLANSocket(v6, h.lan.port, true)
			switch {
			case err == nil:
				if h.socks[i] != nil {
					h.socks[i].conn.Close()
				}
				h.socks[i], h.shared[i] = s, true
				workers.Go(func() { s.receive(func(p lanPacket, from netip.AddrPort) { h.hear(s, p, from) }) })
			case !v6:
				// Without IPv6 a machine is still complete; without IPv4 it is worth saying.
				degraded = fmt.Errorf("binding UDP port %d, so that only announcements are sent: %w", h.lan.port, err)
				fallthrough
			default:
				if h.socks[i] == nil {
					h.socks[i], _ = openLANSocket(v6, h.lan.port, false)
				}
			}
		}
		if h.shared[i] {
			h.socks[i].join(links)
		}
	}
	return degraded
}

func (h *lanHosting) close() {
	for _, s := range h.socks {
		if s != nil {
			s.conn.Close()
		}
	}
}

// hear answers a question for our label, to whoever asked.
func (h *lanHosting) hear(s *lanSocket, p lanPacket, from netip.AddrPort) {
	if p.kind != lanQuery || p.label != h.label || !h.view.isLocal(from.Addr()) || !h.answer.allow(from.Addr()) {
		return
	}
	s.conn.WriteToUDPAddrPort(h.packet(lanAnswer, sourceTo(from)), from)
}

// packet says that the host is at an address of its own.
func (h *lanHosting) packet(kind lanKind, at netip.Addr) []byte {
	return lanPacket{kind: kind, port: h.port, label: h.label, proof: prove(h.secret, at, h.port)}.encode()
}

// sourceTo returns the address that a datagram to another one comes from. It asks the system, by way of a
// socket on which nothing is sent.
func sourceTo(to netip.AddrPort) netip.Addr {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return netip.IPv6Unspecified() // proves nothing
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

const (
	// maxAnswersEach bounds the answers to one address in a second; a guest asks at most ten times in its first.
	maxAnswersEach = 100
	// maxAnswers bounds the answers in a second in all.
	maxAnswers = 2000
)

// answerLimit bounds the answers in every second. It is used by several sockets.
type answerLimit struct {
	mu   sync.Mutex
	from time.Time
	n    int
	each map[netip.Addr]int // at most maxAnswers
}

func (a *answerLimit) allow(addr netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.from) >= time.Second {
		a.from, a.n, a.each = now, 0, make(map[netip.Addr]int)
	}
	if a.n >= maxAnswers || a.each[addr] >= maxAnswersEach {
		return false
	}
	a.n++
	a.each[addr]++
	return true
}
