package meeting

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// TicketPort is the TCP port of a host that waits for the guest of a ticket if it is free, or else any.
const TicketPort = 21130

// maxTicketAddresses bounds the addresses of the host in a ticket.
const maxTicketAddresses = 8

// Ticket is the way of a ticket, which tells the guest the addresses of the host: TCP to all of them at once, and
// nothing else.
type Ticket struct {
	port  uint16           // of a host
	addrs []netip.AddrPort // for a guest

	mu       sync.Mutex
	listener net.Listener // of a host, until Host takes it
}

// ListenTicket returns the way for a host, and the addresses that its ticket is to name. It listens from now on, since
// the ticket is printed before anybody waits: at the port if it is free, for which 0 stands for TicketPort, or else at
// any. The way is for one Host at a time; call Close if it never gets to that.
func ListenTicket(ctx context.Context, port int) (*Ticket, []netip.AddrPort, error) {
	if port == 0 {
		port = TicketPort
	}
	ln, err := listenTCP(ctx, port)
	if err != nil {
		return nil, nil, fmt.Errorf("listening for the guest of a ticket: %w", err)
	}
	t := &Ticket{port: uint16(ln.Addr().(*net.TCPAddr).Port), listener: ln}
	links, err := findLinks(net.Interfaces)
	if err == nil {
		t.addrs = ticketAddresses(links, t.port)
	}
	if len(t.addrs) == 0 {
		ln.Close()
		return nil, nil, fmt.Errorf("looking for an address of this machine to put into a ticket: %w", errNoLinks)
	}
	return t, t.addrs, nil
}

// DialTicket returns the way for a guest.
func DialTicket(addrs []netip.AddrPort) *Ticket { return &Ticket{addrs: addrs} }

// ticketAddresses returns where a guest can reach a port of this machine: by public addresses first, and by the loopback
// interface only if there is nothing else.
func ticketAddresses(links []link, port uint16) []netip.AddrPort {
	var all []netip.AddrPort
	for _, class := range []func(netip.Addr) bool{
		func(a netip.Addr) bool { return !a.IsPrivate() && !a.IsLoopback() },
		func(a netip.Addr) bool { return a.IsPrivate() },
		func(a netip.Addr) bool { return a.IsLoopback() && len(all) == 0 },
	} {
		for _, l := range links {
			for _, p := range l.prefixes {
				if a := p.Addr(); class(a) && dialableIP(a, true) && len(all) < maxTicketAddresses {
					all = append(all, netip.AddrPortFrom(a, port))
				}
			}
		}
	}
	return all
}

// Name is "ticket".
func (*Ticket) Name() string { return "ticket" }

// Target is the addresses.
func (t *Ticket) Target() string {
	var all []string
	for _, ap := range t.addrs {
		all = append(all, ap.String())
	}
	return strings.Join(all, ", ")
}

// Port is where a host listens.
func (t *Ticket) Port() int { return int(t.port) }

// Close ends the listening of a host that does not wait.
func (t *Ticket) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listener == nil {
		return nil
	}
	ln := t.listener
	t.listener = nil
	return ln.Close()
}

// Host waits for connections until ctx ends.
func (t *Ticket) Host(ctx context.Context, _ Place, open func(degraded error), accept func(net.Conn)) error {
	t.mu.Lock()
	ln := t.listener
	t.listener = nil
	t.mu.Unlock()
	if ln == nil { // again, after a failure
		var lc net.ListenConfig
		var err error
		if ln, err = lc.Listen(ctx, "tcp", ":"+strconv.Itoa(int(t.port))); err != nil {
			return fmt.Errorf("listening for the guest of a ticket: %w", err)
		}
	}
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer func() {
		stop()
		ln.Close()
	}()
	open(nil)
	err := acceptAll(ctx, ln, accept)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// TurnAway hangs up on everybody who comes to a port, until ctx ends: a guest with a ticket that was used then learns that
// nobody waits for it, rather than that it cannot get there. It returns an error if the port is taken.
func TurnAway(ctx context.Context, port int) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return fmt.Errorf("listening for guests of a used ticket: %w", err)
	}
	defer ln.Close()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	err = acceptAll(ctx, ln, func(c net.Conn) { c.Close() })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// ticketRetry is how long after a failure an address is tried again: the host may be on its way back.
const ticketRetry = time.Second

// Dial tries all addresses at once until ctx ends. It returns an error with the reason of each if none let us connect.
func (t *Ticket) Dial(ctx context.Context, _ Place, offer func(ctx context.Context, conn net.Conn)) error {
	problems := make([]error, len(t.addrs))
	var tries sync.WaitGroup
	for i, ap := range t.addrs {
		tries.Go(func() { problems[i] = dialTicket(ctx, ap, offer) })
	}
	tries.Wait()
	for i, err := range problems {
		if err == nil {
			return nil
		}
		problems[i] = named(t.addrs[i].String(), t.Target(), err)
	}
	if len(problems) == 0 {
		return errors.New("the ticket names no address")
	}
	return joinProblems(problems...)
}

// dialTicket tries one address. It returns nil if it was connected once.
func dialTicket(ctx context.Context, ap netip.AddrPort, offer func(ctx context.Context, conn net.Conn)) error {
	var problem error
	connected := false
	for ctx.Err() == nil {
		connectCtx, cancel := context.WithTimeout(ctx, directTimeout)
		conn, err := guardedDialer(true).DialContext(connectCtx, "tcp", ap.String())
		cancel()
		switch {
		case err == nil:
			connected = true
			// The end of the look-up does not end a try: see Way.
			offer(context.WithoutCancel(ctx), conn)
		case problem == nil || ctx.Err() == nil:
			problem = explainTicket(err)
		}
		sleep(ctx, ticketRetry)
	}
	if connected || problem == nil {
		return nil
	}
	return problem
}

func explainTicket(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return errors.New("refused: nobody waits there any more, or a firewall is in the way")
	}
	return explain(err, nil)
}
