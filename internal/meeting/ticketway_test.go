package meeting_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/pairing"
	"github.com/botsync/botsync/internal/ticket"
)

// listenTicket opens a host's end of a ticket, and returns it with the guest's.
func listenTicket(t testing.TB) (host, guest *meeting.Ticket) {
	t.Helper()
	host, addrs, err := meeting.ListenTicket(t.Context(), -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	if len(addrs) == 0 || int(addrs[0].Port()) != host.Port() {
		t.Fatalf("the addresses are %v, the port %d", addrs, host.Port())
	}
	return host, meeting.DialTicket(addrs)
}

func TestTicketWay(t *testing.T) {
	t.Parallel()
	host, guest := listenTicket(t)
	// A guest that comes before anybody waits, but after the ticket is printed, is not turned away.
	met := make(chan error, 1)
	go func() {
		conn, _, err := dial(t.Context(), "code", 0, guest)
		if err == nil {
			conn.Close()
		}
		met <- err
	}()
	h := startHost(t, "code", host)
	h.await(t, "ticket", isOpen)
	if err := <-met; err != nil {
		t.Error(err)
	}
	for range 3 {
		_, took := mustDial(t, "code", guest)
		t.Logf("met in %v", took)
	}
	h.stop()
	start := time.Now()
	_, _, err := dial(t.Context(), "code", 1200*time.Millisecond, guest)
	if ue, ok := errors.AsType[*meeting.UnreachableError](err); !ok || !strings.Contains(err.Error(), "nobody waits there any more") {
		t.Errorf("after %v: %T %v", time.Since(start), ue, err)
	}
	// Once it was used, whoever comes is told that nobody waits, for as long as is wanted.
	ctx, end := context.WithCancel(t.Context())
	turned := make(chan error, 1)
	go func() { turned <- meeting.TurnAway(ctx, host.Port()) }()
	_, _, err = dial(t.Context(), "code", 1200*time.Millisecond, guest)
	if ne, ok := errors.AsType[*meeting.NobodyError](err); !ok || ne.Strangers == 0 {
		t.Errorf("of a used ticket: %T %v", err, err)
	}
	end()
	if err := <-turned; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// It can wait again, where the ticket says.
	startHost(t, "code", host).await(t, "ticket", isOpen)
	mustDial(t, "code", guest)
}

// A host that was killed listens where its ticket says.
func TestTicketPortIsKept(t *testing.T) {
	t.Parallel()
	first, guest := listenTicket(t)
	port := first.Port()
	first.Close()
	again, _, err := meeting.ListenTicket(t.Context(), port)
	if err != nil {
		t.Fatal(err)
	}
	if again.Port() != port {
		t.Fatalf("the port is %d instead of %d", again.Port(), port)
	}
	startHost(t, "code", again).await(t, "ticket", isOpen)
	mustDial(t, "code", guest)
}

func TestTicketToNobody(t *testing.T) {
	t.Parallel()
	silent, _ := stranger(t, "")
	var addrs []netip.AddrPort
	for _, s := range []string{"127.0.0.1:1", fmt.Sprintf("127.0.0.1:%d", port(silent))} {
		addrs = append(addrs, netip.MustParseAddrPort(s))
	}
	for _, tt := range []struct {
		addrs []netip.AddrPort
		want  string
	}{
		{addrs[:1], "no way to reach the other side: ticket 127.0.0.1:1: refused"},
		{addrs, "one answered and was not the one"},
		{nil, "the ticket names no address"},
		{[]netip.AddrPort{netip.MustParseAddrPort("224.0.0.1:1")}, "not an address to go to"},
	} {
		_, _, err := dial(t.Context(), "code", 100*time.Millisecond, meeting.DialTicket(tt.addrs))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q", tt.addrs, err, tt.want)
		}
	}
}

// From the ticket's text to a pairing; and somebody who saw where the host listens gets nowhere without it.
func TestPairingByTicket(t *testing.T) {
	t.Parallel()
	host, addrs, err := meeting.ListenTicket(t.Context(), -1)
	if err != nil {
		t.Fatal(err)
	}
	tk, err := ticket.New(time.Now().Add(10*time.Minute), [32]byte{}, addrs, "")
	if err != nil {
		t.Fatal(err)
	}
	keysOf := func(tk ticket.Ticket) pairing.Keys {
		place, psk := tk.Keys()
		return pairing.Keys{Place: place, PSK: psk}
	}
	h := startPairingHost(t, keysOf(tk), host)
	h.waiting.await(t, "ticket", isOpen)

	other, err := ticket.New(time.Now(), [32]byte{}, addrs, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := join(t.Context(), keysOf(other), 300*time.Millisecond, meeting.DialTicket(addrs)); err == nil {
		t.Error("joined with another ticket")
	}
	start := time.Now()
	read, err := ticket.Parse(strings.ToUpper(tk.Text()))
	if err != nil {
		t.Fatal(err)
	}
	if err := join(t.Context(), keysOf(read), 0, meeting.DialTicket(read.Addresses)); err != nil {
		t.Error(err)
	}
	t.Logf("paired in %v", time.Since(start))
	if proved, joined := h.counts(); proved != 1 || joined != 1 {
		t.Errorf("%d proved themselves, %d joined", proved, joined)
	}
}

// A crowd at the host's port does not keep the guest out.
func TestTicketHostInACrowd(t *testing.T) {
	t.Parallel()
	host, guest := listenTicket(t)
	startHost(t, "code", host).await(t, "ticket", isOpen)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 600 {
		c, err := net.Dial("tcp", guest.Target()[:strings.IndexAny(guest.Target()+",", ",")])
		if err != nil {
			t.Fatal(err)
		}
		defer context.AfterFunc(ctx, func() { c.Close() })()
		defer c.Close()
	}
	_, took := mustDial(t, "code", guest)
	t.Logf("met in %v", took)
}

func TestTicketLeavesNothingBehind(t *testing.T) {
	check := checkGoroutines(t)
	host, guest := listenTicket(t)
	h := startHost(t, "code", host)
	mustDial(t, "code", guest)
	h.stop()
	check()
	unused, _ := listenTicket(t)
	if err := errors.Join(unused.Close(), unused.Close()); err != nil {
		t.Error(err)
	}
	check()
}
