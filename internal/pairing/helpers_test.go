package pairing

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/botsync/botsync/internal/code"
)

// sample is the code, the keys and the two devices of the tests and of
// docs/pairing.md. The keys are written out because deriving them is slow;
// TestVectors derives them.
const sampleCode = "abacus-abdomen-ability-ablaze-zoom"

var (
	samplePSK = PSK(unhex("dd33fd23b1308d05c201baf5bca11825f473ab5e3b7a359a20dd4c17c09f43f9"))
	wrongPSK  = PSK{31: 1}

	guestID = deviceIDOf('G')
	hostID  = deviceIDOf('H')

	sampleDevice = Device{
		ID:        guestID,
		Name:      "laptop",
		Role:      "human",
		Addresses: Addresses{"tcp://192.0.2.7:22000", "quic://[2001:db8::7]:22000"},
	}
	sampleTime    = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	sampleWelcome = Welcome{
		Network: Network{ID: "n7k2"},
		Folders: Folders{
			{ID: "n7k2-shared", Name: "shared"},
			{ID: "n7k2-deliverables", Name: "deliverables"},
			{ID: "n7k2-inbox", Name: "inbox"},
		},
		Devices: Records{{
			Device:  Device{ID: hostID, Name: "server", Role: "agent", Addresses: Addresses{"tcp://192.0.2.1:22000"}},
			AddedBy: hostID,
			AddedAt: sampleTime,
		}},
		Host:  hostID,
		Guest: Record{Device: sampleDevice, AddedBy: hostID, AddedAt: sampleTime.Add(time.Minute)},
	}
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func deviceIDOf(letter byte) string {
	group := strings.Repeat(string(letter), 7)
	return strings.Join(slices.Repeat([]string{group}, 8), "-")
}

// bigWelcome is sampleWelcome with so many devices that it takes several frames.
func bigWelcome() Welcome {
	w := sampleWelcome
	for i := range 900 {
		r := w.Devices[0]
		r.ID = fmt.Sprintf("%s-%c%c%cAAAA", r.ID[:55], 'A'+i%26, 'A'+i/26%26, 'A'+i/676)
		w.Devices = append(slices.Clip(w.Devices), r)
	}
	return w
}

// parties is what a pairing changes: a host with an invite and a guest, as
// careful as their daemons are to be. Both sides remember; a retry is another
// meeting of the same two.
type parties struct {
	psk     PSK
	welcome Welcome

	mu       sync.Mutex
	greeted  []Hello   // what Welcome was called with
	stored   []Welcome // what Store was called with
	accepted []Welcome // what Accept was called with
}

func newParties() *parties {
	return &parties{psk: samplePSK, welcome: sampleWelcome}
}

func (p *parties) guest() Guest {
	return Guest{Device: sampleDevice, Store: func(_ context.Context, w Welcome) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stored = append(p.stored, w)
		return nil
	}}
}

func (p *parties) host() Host {
	return Host{
		Welcome: func(_ context.Context, h Hello) (Welcome, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.greeted = append(p.greeted, h)
			if len(p.accepted) > 0 {
				return Welcome{}, &RefusedError{Code: CodeInviteUsed, Message: "the invite has been used"}
			}
			w := p.welcome
			w.Guest = Record{Device: h.Device, AddedBy: hostID, AddedAt: sampleTime.Add(time.Minute)}
			return w, nil
		},
		Accept: func(_ context.Context, h Hello, w Welcome) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.accepted) > 0 {
				return errors.New("accepted a second time")
			}
			p.accepted = append(p.accepted, w)
			return nil
		},
	}
}

// outcome is how an exchange ended on both sides.
type outcome struct {
	welcome  Welcome
	guestErr error
	hostErr  error
}

// meet runs one exchange on the two ends of a connection.
func (p *parties) meet(ctx context.Context, guestConn, hostConn net.Conn) outcome {
	var out outcome
	var wg sync.WaitGroup
	wg.Go(func() {
		ch, err := Handshake(ctx, hostConn, p.psk, HostSide)
		if err != nil {
			out.hostErr = err
			return
		}
		out.hostErr = p.host().Run(ctx, ch)
	})
	wg.Go(func() {
		ch, err := Handshake(ctx, guestConn, p.psk, GuestSide)
		if err != nil {
			out.guestErr = err
			return
		}
		out.welcome, out.guestErr = p.guest().Run(ctx, ch)
	})
	wg.Wait()
	return out
}

// meetHonestly runs an exchange that nobody interferes with.
func (p *parties) meetHonestly(ctx context.Context) outcome {
	guestConn, hostConn := net.Pipe()
	return p.meet(ctx, guestConn, hostConn)
}

// fataler is what testing.TB and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// sameWelcome compares welcomes as they are before and after their way.
func sameWelcome(a, b Welcome) string {
	a.Protocol, b.Protocol = Protocol, Protocol
	return cmp.Diff(a, b, cmpopts.EquateEmpty())
}

// checkConsistent fails unless the state of the two sides after out is one that
// may be left behind: nobody accepted, or what was accepted is stored.
func (p *parties) checkConsistent(t fataler, out outcome) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.greeted {
		if diff := cmp.Diff(Hello{Protocol: Protocol, Device: sampleDevice}, h); diff != "" {
			t.Fatalf("the host heard another Hello (-sent +heard):\n%s", diff)
		}
	}
	for _, w := range p.stored {
		want := p.welcome
		want.Guest = sampleWelcome.Guest
		if diff := sameWelcome(want, w); diff != "" {
			t.Fatalf("the guest stored another Welcome (-sent +stored):\n%s", diff)
		}
	}
	if len(p.accepted) > 1 {
		t.Fatalf("the host accepted %d times", len(p.accepted))
	}
	if len(p.accepted) > 0 && len(p.stored) == 0 {
		t.Fatalf("the host accepted a guest that stored nothing")
	}
	if out.guestErr == nil && len(p.accepted) == 0 {
		t.Fatalf("the guest was told that the host accepted it, which it did not")
	}
	if (out.hostErr == nil) != (len(p.accepted) == 1) {
		t.Fatalf("the host's error is %v after accepting %d times", out.hostErr, len(p.accepted))
	}
	_, uncertain := errors.AsType[*UncertainError](out.guestErr)
	if out.guestErr != nil && uncertain != (len(p.stored) > 0) {
		t.Fatalf("the guest's error is %v after storing %d times", out.guestErr, len(p.stored))
	}
}

// checkRetry fails unless the two sides have each other, at the latest after
// another exchange that nobody interferes with.
func (p *parties) checkRetry(t fataler, ctx context.Context) {
	t.Helper()
	if len(p.accepted) == 1 && len(p.stored) > 0 {
		return
	}
	if out := p.meetHonestly(ctx); out.guestErr != nil || out.hostErr != nil {
		t.Fatalf("the retry failed: guest: %v; host: %v", out.guestErr, out.hostErr)
	}
	if len(p.accepted) != 1 || len(p.stored) == 0 {
		t.Fatalf("after the retry: stored %d times, accepted %d times", len(p.stored), len(p.accepted))
	}
}

func mustCode(t testing.TB, s string) code.Code {
	t.Helper()
	c, err := code.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tcpPair returns the two ends of a TCP connection over loopback.
func tcpPair(t *testing.T) (guestConn, hostConn net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if guestConn, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if hostConn, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guestConn.Close(); hostConn.Close() })
	return guestConn, hostConn
}
