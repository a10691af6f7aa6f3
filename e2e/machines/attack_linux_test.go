package machines

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/code"
	"github.com/botsync/botsync/internal/pairing"
)

// lanPort is where a host listens for guests, TCP, and is asked, UDP.
const lanPort = 21128

// An attacker is a machine that does one bad thing until it is stopped.
type attacker struct {
	*machine
	ctx   context.Context
	done  sync.WaitGroup
	tries atomic.Int64
	held  atomic.Int64 // connections that were made
}

// attack runs f with as many workers until the function that it returns is called.
func (m *machine) attack(workers int, f func(a *attacker)) (a *attacker, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	a = &attacker{machine: m, ctx: ctx}
	for range workers {
		a.done.Go(func() {
			for ctx.Err() == nil {
				a.tries.Add(1)
				f(a)
			}
		})
	}
	stop = sync.OnceFunc(func() { cancel(); a.done.Wait() })
	m.t.Cleanup(stop)
	return a, stop
}

// connect opens a connection from the attacker, which ends with the attack.
func (a *attacker) connect(address string) net.Conn {
	var c net.Conn
	if err := a.try(func() (err error) {
		c, err = (&net.Dialer{Timeout: 5 * time.Second}).DialContext(a.ctx, "tcp", address)
		return err
	}); err != nil {
		return nil
	}
	context.AfterFunc(a.ctx, func() { c.Close() })
	return c
}

// badGuests are what comes to the door of a host or a relay instead of a guest.
var badGuests = map[string]func(a *attacker, c net.Conn){
	"garbage": func(_ *attacker, c net.Conn) {
		c.Write(noise(4096))
		io.Copy(io.Discard, c)
	},
	"a frame of a gigabyte": func(a *attacker, c net.Conn) {
		b := noise(64 << 10)
		binary.BigEndian.PutUint16(b, 0xffff)
		for sent := 0; sent < 1<<30 && a.ctx.Err() == nil; sent += len(b) {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	},
	"one byte at a time": func(a *attacker, c net.Conn) {
		for a.ctx.Err() == nil {
			if _, err := c.Write([]byte{0}); err != nil {
				return
			}
			select {
			case <-a.ctx.Done():
			case <-time.After(200 * time.Millisecond): // is the attack
			}
		}
	},
	"silence": func(_ *attacker, c net.Conn) { io.Copy(io.Discard, c) },
}

// floodWith keeps up to held connections open and opens more as they end.
func floodWith(m *machine, address string, held int, bad func(a *attacker, c net.Conn)) (*attacker, func()) {
	return m.attack(min(held, 2000), func(a *attacker) {
		c := a.connect(address)
		if c == nil {
			select {
			case <-a.ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
			return
		}
		a.held.Add(1)
		defer c.Close()
		bad(a, c)
	})
}

// Whoever is at the door of the host, however many: its memory stays bounded and
// an honest guest gets in meanwhile.
func TestAttackOnTheLAN(t *testing.T) {
	t.Parallel()
	for name, bad := range badGuests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := lan(t, "host", "guest", "attacker")
			host, guest := list[0].node("host"), list[1].node("guest")
			invite := host.Init()
			before := peakMemory(t, host.PID())
			a, stop := floodWith(list[2], fmt.Sprintf("10.7.0.1:%d", lanPort), 300, bad)
			a.await(500)
			r := guest.Run("join", "--json", "--lan-only", "--name", "guest", invite.Code)
			stop()
			t.Logf("%d connections; join exit %d after %v", a.tries.Load(), r.Exit, r.Took.Round(time.Millisecond))
			if r.Exit != 0 {
				t.Errorf("join: exit %d\n%s", r.Exit, r.Stderr)
			}
			mustStayBelow(t, host.PID(), before, name)
			mustHaveEachOther(t, host, guest)
		})
	}
}

// The same at a relay, beside which the host and the guest have no other way.
func TestAttackOnTheRelay(t *testing.T) {
	t.Parallel()
	for name, bad := range badGuests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			router, list := routed(t, "host", "guest", "attacker")
			relay := router.startRelay()
			host, guest := list[0].node("host"), list[1].node("guest")
			before := peakMemory(t, relay.pid())
			a, stop := floodWith(list[2], "10.7.3.1:8080", 300, bad)
			a.await(500)
			invite := initBy(host, hostsRelay)
			awaitOpen(host, "relay")
			r := joinBy(guest, invite.Code, guestsRelay)
			stop()
			t.Logf("%d connections; join exit %d after %v", a.tries.Load(), r.Exit, r.Took.Round(time.Millisecond))
			if r.Exit != 0 {
				t.Errorf("join: exit %d\n%s", r.Exit, r.Stderr)
			}
			mustStayBelow(t, relay.pid(), before, name)
			mustHaveEachOther(t, host, guest)
		})
	}
}

// Ten thousand connections that say nothing, at the host and at the relay.
func TestTenThousandConnections(t *testing.T) {
	t.Parallel()
	const many = 10_000
	router, list := routed(t, "host", "guest", "attacker")
	relay := router.startRelay()
	host, guest := list[0].node("host"), list[1].node("guest")
	invite := initBy(host, hostsRelay)
	awaitOpen(host, "relay")
	relayBefore, hostBefore := peakMemory(t, relay.pid()), peakMemory(t, host.PID())
	a, stop := list[2].attack(64, func(a *attacker) {
		if a.tries.Load() > many+64 {
			<-a.ctx.Done()
			return
		}
		address := "10.7.3.1:8080"
		if a.tries.Load()%2 == 0 {
			address = fmt.Sprintf("10.7.1.2:%d", lanPort)
		}
		if c := a.connect(address); c != nil {
			a.held.Add(1)
		}
	})
	a.await(many)
	r := joinBy(guest, invite.Code, guestsRelay)
	t.Logf("%d connections were made, %d attempted; join exit %d after %v", a.held.Load(), a.tries.Load(), r.Exit, r.Took.Round(time.Millisecond))
	stop()
	if r.Exit != 0 {
		t.Errorf("join: exit %d\n%s", r.Exit, r.Stderr)
	}
	mustStayBelow(t, relay.pid(), relayBefore, "relay")
	mustStayBelow(t, host.PID(), hostBefore, "host")
	mustHaveEachOther(t, host, guest)
}

// Guests that know where the host waits, but not the code, at the relay and on
// the LAN: nothing is used up.
func TestGuestsWithoutTheCode(t *testing.T) {
	t.Parallel()
	list := lan(t, "host", "guest", "attacker", "relay")
	list[3].startRelay()
	const url = "http://10.7.0.4:8080"
	host, guest := list[0].node("host"), list[1].node("guest")
	invite := initBy(host, url)
	awaitOpen(host, "relay")
	wrong, err := code.New()
	if err != nil {
		t.Fatal(err)
	}
	keys := pairing.DeriveKeys(wrong)
	a, stop := list[2].attack(4, func(a *attacker) {
		c := a.connect(fmt.Sprintf("10.7.0.1:%d", lanPort))
		if c == nil {
			return
		}
		defer c.Close()
		if _, err := pairing.Handshake(a.ctx, c, keys.PSK, pairing.GuestSide); err == nil {
			t.Error("the host spoke with a guest without the code")
		}
	})
	// At the relay one has to know the label to meet the host at all.
	label := labelOf(t, invite.Code)
	b, stopRelay := list[2].attack(2, func(a *attacker) { a.meet(url, label, "guest") })
	a.await(50)
	b.await(50)
	mustBeAlone(t, host)
	if r := joinBy(guest, invite.Code, url); r.Exit != 0 {
		t.Errorf("join: exit %d\n%s", r.Exit, r.Stderr)
	}
	stop()
	stopRelay()
	t.Logf("%d meetings with guests that said noise", b.held.Load())
	if b.held.Load() == 0 {
		t.Error("no bad guest ever met the host")
	}
	mustHaveEachOther(t, host, guest)
}

// meet goes to a meeting on a relay and says noise there.
func (a *attacker) meet(relay, label, as string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
			if c := a.connect(address); c != nil {
				return c, nil
			}
			return nil, errors.New("no connection")
		}}}
	ws, _, err := websocket.Dial(a.ctx, relay+"/v1/meet/"+label+"?as="+as, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		select {
		case <-a.ctx.Done():
		case <-time.After(20 * time.Millisecond): // the relay slows down who asks too often
		}
		return
	}
	a.held.Add(1)
	defer ws.CloseNow()
	if ws.Write(a.ctx, websocket.MessageBinary, noise(48)) == nil {
		_, _, _ = ws.Read(a.ctx)
	}
}

// A neighbour floods the group with questions and with claims to be the host.
func TestFloodOfDatagrams(t *testing.T) {
	t.Parallel()
	list := lan(t, "host", "guest", "attacker")
	host, guest := list[0].node("host"), list[1].node("guest")
	invite := host.Init()
	// It has heard the label; that is all that one can hear.
	label, err := hex.DecodeString(labelOf(t, invite.Code))
	if err != nil {
		t.Fatal(err)
	}
	before := peakMemory(t, host.PID())
	list[2].listen(":4444") // nobody accepts
	socket := list[2].datagrams()
	a, stop := list[2].attack(2, func(a *attacker) {
		for kind := byte(1); kind <= 3; kind++ {
			for port := range uint16(200) {
				_, _ = socket.Write(datagram(kind, 4444+port*251, label))
			}
			_, _ = socket.Write(noise(int(kind) * 400))
		}
	})
	a.await(20)
	r := guest.Run("join", "--json", "--lan-only", "--name", "guest", invite.Code)
	stop()
	t.Logf("%d datagrams; join exit %d after %v", a.tries.Load()*603, r.Exit, r.Took.Round(time.Millisecond))
	if r.Exit != 0 {
		t.Errorf("join: exit %d\n%s", r.Exit, r.Stderr)
	}
	mustStayBelow(t, host.PID(), before, "host")
	mustHaveEachOther(t, host, guest)
}

// datagrams is a socket from which all machines of a lan hear.
func (m *machine) datagrams() net.Conn {
	m.t.Helper()
	var c net.Conn
	m.enter(func() (err error) {
		// Broadcast is allowed on every UDP socket that Go makes.
		c, err = net.Dial("udp", fmt.Sprintf("10.7.0.255:%d", lanPort))
		return err
	})
	m.t.Cleanup(func() { c.Close() })
	return c
}

// datagram is one of the lan way, see docs/meeting.md: a question, an answer or an
// announcement, for the latter two with a made-up proof.
func datagram(kind byte, port uint16, label []byte) []byte {
	b := append([]byte("bsyn"), 1, kind)
	if kind == 1 {
		port = 0
	}
	b = append(binary.BigEndian.AppendUint16(b, port), label...)
	if kind == 1 {
		return append(b, make([]byte, 16)...)
	}
	return append(b, noise(16)...)
}

// await waits until the attack has begun so many tries.
func (a *attacker) await(tries int64) {
	a.t.Helper()
	botsynctest.Await(a.t, fmt.Sprintf("%d tries of the attacker", tries), func() bool { return a.tries.Load() >= tries })
}
