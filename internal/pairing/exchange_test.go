package pairing

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPairing(t *testing.T) {
	t.Parallel()
	for name, connect := range map[string]func(*testing.T) (net.Conn, net.Conn){
		"pipe": func(*testing.T) (net.Conn, net.Conn) { return net.Pipe() },
		"tcp":  tcpPair,
	} {
		withServers := sampleWelcome
		withServers.Servers = &Servers{
			Discovery: ServerList{"https://discovery.example.org/v2/?id=" + hostID},
			Relays:    ServerList{"default", "relay://192.0.2.1:22067/?id=" + hostID},
		}
		withAddresses := sampleWelcome
		withAddresses.Addresses = Addresses{"tcp://192.0.2.1:31234", "relay://192.0.2.9:22067/?id=" + hostID}
		for size, welcome := range map[string]Welcome{
			"small": sampleWelcome, "several frames": bigWelcome(), "with servers": withServers, "with addresses": withAddresses} {
			t.Run(name+"/"+size, func(t *testing.T) {
				t.Parallel()
				p := newParties()
				p.welcome = welcome
				guestConn, hostConn := connect(t)
				out := p.meet(t.Context(), guestConn, hostConn)
				if out.guestErr != nil || out.hostErr != nil {
					t.Fatalf("guest: %v; host: %v", out.guestErr, out.hostErr)
				}
				p.checkConsistent(t, out)
				if len(p.greeted) != 1 || len(p.stored) != 1 || len(p.accepted) != 1 {
					t.Errorf("called Welcome %d, Store %d, Accept %d times, want once each",
						len(p.greeted), len(p.stored), len(p.accepted))
				}
				if diff := cmp.Diff(p.stored[0], out.welcome); diff != "" {
					t.Errorf("Run returned another Welcome than it stored (-stored +returned):\n%s", diff)
				}
				for _, conn := range []net.Conn{guestConn, hostConn} {
					if _, err := conn.Write([]byte{0}); err == nil {
						t.Error("the connection is still open")
					}
				}
			})
		}
	}
}

// A guest with another code gets nothing and uses nothing up.
func TestWrongCode(t *testing.T) {
	t.Parallel()
	p := newParties()
	guestConn, hostConn := tcpPair(t)
	hostDone := make(chan error, 1)
	go func() {
		_, err := Handshake(t.Context(), hostConn, p.psk, HostSide)
		hostDone <- err
	}()
	ch, err := Handshake(t.Context(), guestConn, wrongPSK, GuestSide)
	if err == nil || ch != nil {
		t.Error("the guest's handshake succeeded")
	}
	if err := <-hostDone; !errors.Is(err, ErrHandshake) {
		t.Errorf("the host's error is %v, want ErrHandshake", err)
	}
	if len(p.greeted) > 0 {
		t.Error("the host heard a Hello")
	}
	p.checkRetry(t, t.Context())
}

// A host with another code, that is, anyone who answers at the place, learns
// nothing about the guest.
func TestWrongHost(t *testing.T) {
	t.Parallel()
	guestConn, hostConn := net.Pipe()
	guestDone := make(chan error, 1)
	go func() {
		_, err := Handshake(t.Context(), guestConn, samplePSK, GuestSide)
		guestDone <- err
	}()
	if _, err := io.ReadFull(hostConn, make([]byte, handshakeSize)); err != nil {
		t.Fatal(err)
	}
	if _, err := hostConn.Write(make([]byte, handshakeSize)); err != nil {
		t.Fatal(err)
	}
	if err := <-guestDone; !errors.Is(err, ErrHandshake) {
		t.Errorf("the guest's error is %v, want ErrHandshake", err)
	}
	if n, err := hostConn.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("the guest sent %d more bytes, then %v", n, err)
	}
}

func TestHandshakeRefusesABlankKeyAndAnUnknownSide(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		psk  PSK
		side Side
	}{{PSK{}, GuestSide}, {PSK{}, HostSide}, {samplePSK, 0}} {
		conn, other := net.Pipe()
		if _, err := Handshake(t.Context(), conn, tc.psk, tc.side); err == nil {
			t.Errorf("Handshake as %s succeeded", tc.side)
		}
		if _, err := other.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after a failed handshake as %s, reading returns %v, want EOF", tc.side, err)
		}
	}
}

// The guest races two connections and runs on one: the host's handshake on the
// other must not complete.
func TestHostWaitsForTheGuestsChoice(t *testing.T) {
	t.Parallel()
	guestConn, hostConn := net.Pipe()
	hostDone := make(chan error, 1)
	go func() {
		_, err := Handshake(t.Context(), hostConn, samplePSK, HostSide)
		hostDone <- err
	}()
	ch, err := Handshake(t.Context(), guestConn, samplePSK, GuestSide)
	if err != nil {
		t.Fatal(err)
	}
	ch.Close()
	if err := <-hostDone; err == nil {
		t.Error("the host's handshake completed on a connection that the guest gave up")
	}
}

func TestRunOnTheOtherSidesChannel(t *testing.T) {
	t.Parallel()
	p := newParties()
	conn, _ := net.Pipe()
	if _, err := p.guest().Run(t.Context(), &Channel{conn: conn, side: HostSide}); err == nil {
		t.Error("a guest ran on a host's channel")
	}
	conn, _ = net.Pipe()
	if err := p.host().Run(t.Context(), &Channel{conn: conn, side: GuestSide}); err == nil {
		t.Error("a host ran on a guest's channel")
	}
}

// Callbacks that fail: who learns what, and what is left behind.
func TestRefusals(t *testing.T) {
	t.Parallel()
	used := &RefusedError{Code: CodeInviteUsed, Message: "used by \x1b[31mother\u202e"}
	state := &RefusedError{Code: CodeState, Message: "in another network"}
	secret := errors.New("opening /home/me/secret: no such file")
	for _, tc := range []struct {
		name                   string
		welcome, store, accept error
		code, message          string // what the side that did not fail is told
		uncertain              bool
	}{
		{"welcome refuses", used, nil, nil, CodeInviteUsed, "used by  [31mother", false},
		{"welcome fails", secret, nil, nil, CodeInternal, "it could not be done; the log there says why", false},
		{"store refuses", nil, state, nil, CodeState, "in another network", false},
		{"store fails", nil, secret, nil, CodeInternal, "it could not be done; the log there says why", false},
		{"accept refuses", nil, nil, used, CodeInviteUsed, "used by  [31mother", true},
		{"accept fails", nil, nil, secret, CodeInternal, "it could not be done; the log there says why", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			guestConn, hostConn := net.Pipe()
			hostDone := make(chan error, 1)
			go func() {
				ch, err := Handshake(t.Context(), hostConn, samplePSK, HostSide)
				if err != nil {
					hostDone <- err
					return
				}
				hostDone <- Host{
					Welcome: func(context.Context, Hello) (Welcome, error) { return sampleWelcome, tc.welcome },
					Accept:  func(context.Context, Hello, Welcome) error { return tc.accept },
				}.Run(t.Context(), ch)
			}()
			ch, err := Handshake(t.Context(), guestConn, samplePSK, GuestSide)
			if err != nil {
				t.Fatal(err)
			}
			_, guestErr := Guest{Device: sampleDevice,
				Store: func(context.Context, Welcome) error { return tc.store }}.Run(t.Context(), ch)
			hostErr := <-hostDone

			told, failed, cause := guestErr, hostErr, errors.Join(tc.welcome, tc.accept)
			if tc.store != nil {
				told, failed, cause = hostErr, guestErr, tc.store
			}
			refused, ok := errors.AsType[*RefusedError](told)
			if !ok || !refused.Remote || refused.Code != tc.code || refused.Message != tc.message {
				t.Errorf("the other side got %v, want code %q and message %q", told, tc.code, tc.message)
			}
			if refused, ok := errors.AsType[*RefusedError](failed); ok && refused.Remote {
				t.Errorf("the side that refused has %v as the other's refusal", failed)
			}
			for _, err := range []error{tc.welcome, tc.store, tc.accept} {
				if err != nil && !errors.Is(failed, err) {
					t.Errorf("the side that failed got %v, want it to wrap %v", failed, cause)
				}
			}
			if _, uncertain := errors.AsType[*UncertainError](guestErr); uncertain != tc.uncertain {
				t.Errorf("the guest's error %v is uncertain: %v, want %v", guestErr, uncertain, tc.uncertain)
			}
		})
	}
}

// Two roots of which one is a copy of the other cannot be one network.
func TestSameDeviceOnBothSides(t *testing.T) {
	t.Parallel()
	p := newParties()
	p.welcome.Host = guestID
	out := p.meetHonestly(t.Context())
	refused, ok := errors.AsType[*RefusedError](out.guestErr)
	if !ok || refused.Code != CodeState || !strings.Contains(refused.Message, "same device ID") {
		t.Errorf("the guest got %v", out.guestErr)
	}
	p.checkConsistent(t, out)
}

// A host whose own data breaks the rules says so to itself; the guest learns
// only that something is wrong there.
func TestHostWithInvalidWelcome(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Welcome){
		"folder outside the root": func(w *Welcome) { w.Folders = Folders{{ID: "f", Name: "../etc"}} },
		"no record of the host":   func(w *Welcome) { w.Devices = nil },
		"address that is no URL":  func(w *Welcome) { w.Addresses = Addresses{"\x1b[2J"} },
		"too many addresses":      func(w *Welcome) { w.Addresses = slices.Repeat(Addresses{"tcp://192.0.2.1:1"}, MaxAddresses+1) },
		"server that is no URL":   func(w *Welcome) { w.Servers = &Servers{Relays: ServerList{"\x1b[2J"}} },
		"server of another kind":  func(w *Welcome) { w.Servers = &Servers{Discovery: ServerList{"file:///etc/passwd"}} },
		"none among servers":      func(w *Welcome) { w.Servers = &Servers{Relays: ServerList{"none", "default"}} },
		"too many servers": func(w *Welcome) {
			w.Servers = &Servers{Discovery: slices.Repeat(ServerList{"https://d.example.org"}, MaxServers+1)}
		},
		"over a mebibyte": func(w *Welcome) {
			*w = bigWelcome()
			many := slices.Repeat(Addresses{"tcp://" + strings.Repeat("a", 200)}, MaxAddresses)
			for i := range w.Devices {
				w.Devices[i].Addresses = many
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newParties()
			spoil(&p.welcome)
			out := p.meetHonestly(t.Context())
			refused, ok := errors.AsType[*RefusedError](out.guestErr)
			if !ok || refused.Code != CodeInternal {
				t.Errorf("the guest got %v, want a refusal with code internal", out.guestErr)
			}
			if _, ok := errors.AsType[*RefusedError](out.hostErr); ok || out.hostErr == nil {
				t.Errorf("the host got %v, want its own mistake", out.hostErr)
			}
			p.checkConsistent(t, out)
		})
	}
}

func TestGuestWithInvalidDevice(t *testing.T) {
	t.Parallel()
	guestConn, hostConn := net.Pipe()
	p := newParties()
	hostDone := make(chan error, 1)
	go func() {
		_, err := Handshake(t.Context(), hostConn, samplePSK, HostSide)
		hostDone <- err
	}()
	ch, err := Handshake(t.Context(), guestConn, samplePSK, GuestSide)
	if err != nil {
		t.Fatal(err)
	}
	g := p.guest()
	g.Device.Name = "two\nlines"
	if _, err := g.Run(t.Context(), ch); err == nil || !strings.Contains(err.Error(), "U+000A") {
		t.Errorf("the guest got %v, want its own mistake", err)
	}
	if err := <-hostDone; err == nil {
		t.Error("the host got something")
	}
}

// Every wait ends at once when the context does, with the context's cause, and
// with the connection closed.
func TestCancel(t *testing.T) {
	t.Parallel()
	stopped := errors.New("the daemon stops")
	// stall makes a relay that is silent from the given unit of a side on.
	stall := func(from Side, index int, reached func()) script {
		return func(u unit) verdict {
			if u.from == from && u.index == index {
				reached()
				return verdict{}
			}
			return pass(u)
		}
	}
	for _, at := range []struct {
		name  string
		from  Side
		index int
	}{
		{"first handshake message", GuestSide, 0}, {"second handshake message", HostSide, 0},
		{"Hello", GuestSide, 1}, {"Welcome", HostSide, 1}, {"Ack", GuestSide, 2}, {"Done", HostSide, 2},
	} {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				start := time.Now()
				p := newParties()
				// Both sides are stopped before either hears that the other has gone.
				cancelled := make(chan struct{})
				out := p.meetThroughUntil(ctx, stall(at.from, at.index, func() { cancel(stopped); close(cancelled) }), func() { <-cancelled })
				if !errors.Is(out.guestErr, stopped) {
					t.Errorf("the guest got %v, want the cause", out.guestErr)
				}
				if out.hostErr != nil && !errors.Is(out.hostErr, stopped) {
					t.Errorf("the host got %v, want the cause", out.hostErr)
				}
				if d := time.Since(start); d != 0 {
					t.Errorf("it took %v", d)
				}
				p.checkConsistent(t, out)
				p.checkRetry(t, t.Context())
			})
		})
	}
}
