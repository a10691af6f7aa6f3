package meeting_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/meeting"
)

// poolServer answers every request with a body.
func poolServer(t testing.TB, body string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
	t.Cleanup(s.Close)
	return s.URL + "/endpoint"
}

// The messages of Syncthing's relay protocol: a magic number, a type, a length, and XDR (RFC 4506).
const (
	stMagic              = 0x9E79BC40
	stJoinRelay          = 2
	stJoinSession        = 3
	stResponse           = 4
	stConnect            = 5
	stInvitation         = 6
	stNotFound, stTaken  = 1, 2
	stSuccess            = 0
	tlsHandshakeType     = 0x16
	hostileRelayDeadline = 20 * time.Second
)

func xdr(fields ...any) []byte {
	var b []byte
	for _, f := range fields {
		switch f := f.(type) {
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(f))
		case []byte:
			b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
			b = append(b, f...)
			b = append(b, make([]byte, (4-len(f)%4)%4)...)
		}
	}
	return b
}

func stWrite(w io.Writer, kind int, fields ...any) error {
	payload := xdr(fields...)
	_, err := w.Write(append(xdr(stMagic, kind, len(payload)), payload...))
	return err
}

// stRead returns the type of a message and its only field, if it has one.
func stRead(r io.Reader) (kind int, field []byte, err error) {
	var h [12]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	payload := make([]byte, binary.BigEndian.Uint32(h[8:]))
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	if len(payload) >= 4 {
		n := binary.BigEndian.Uint32(payload)
		field = payload[4 : 4+n]
	}
	return int(binary.BigEndian.Uint32(h[4:])), field, nil
}

// A hostileRelay is a relay of Syncthing that does as it likes, as its fields are set when it is made.
type hostileRelay struct {
	URL string
	// Step is called before each thing that the relay does, with its name; false ends the connection.
	Step func(ctx context.Context, step string) bool
	// Carry joins the two connections of a session; nil for an honest relay's.
	Carry func(guest, host net.Conn)
	// Session is the port to which invitations lead, 0 for the relay's own, and Invitations how many a host gets for one.
	Session, Invitations int

	cert tls.Certificate
	port int

	mu       sync.Mutex
	hosts    map[string]net.Conn      // joined, by device ID
	sessions map[string]chan net.Conn // of the first to come, by key
}

func newHostileRelay(t testing.TB, set ...func(*hostileRelay)) *hostileRelay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &hostileRelay{
		cert: newCertificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)), port: port(ln.Addr()), Invitations: 1,
		hosts: make(map[string]net.Conn), sessions: make(map[string]chan net.Conn),
	}
	r.URL = fmt.Sprintf("relay://127.0.0.1:%d/?id=%s", r.port, meeting.DeviceIDOf(r.cert.Certificate[0]))
	for _, f := range set {
		f(r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer context.AfterFunc(ctx, func() { c.Close() })()
				defer c.Close()
				r.serve(ctx, c)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		ln.Close()
		running.Wait()
	})
	return r
}

// step asks whether to go on.
func (r *hostileRelay) step(ctx context.Context, name string) bool {
	return r.Step == nil || r.Step(ctx, name)
}

// A peeked connection gives back the byte that was read of it.
type peeked struct {
	net.Conn
	first []byte
}

func (p *peeked) Read(b []byte) (int, error) {
	if len(p.first) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

func (r *hostileRelay) serve(ctx context.Context, c net.Conn) {
	if !r.step(ctx, "accept") {
		return
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		return
	}
	p := &peeked{c, first}
	if first[0] != tlsHandshakeType {
		r.session(ctx, p)
		return
	}
	conn := tls.Server(p, &tls.Config{
		Certificates: []tls.Certificate{r.cert}, NextProtos: []string{"bep-relay"}, ClientAuth: tls.RequestClientCert,
	})
	if conn.HandshakeContext(ctx) != nil || len(conn.ConnectionState().PeerCertificates) != 1 {
		return
	}
	device := meeting.DeviceIDOf(conn.ConnectionState().PeerCertificates[0].Raw)
	kind, field, err := stRead(conn)
	switch {
	case err != nil:
	case kind == stJoinRelay:
		if !r.step(ctx, "join") {
			return
		}
		r.mu.Lock()
		r.hosts[device] = conn
		r.mu.Unlock()
		stWrite(conn, stResponse, stSuccess, []byte("success"))
		r.step(ctx, "joined")
		io.Copy(io.Discard, conn)
	case kind == stConnect:
		r.connect(ctx, conn, field)
	}
}

// connect invites both sides to a session.
func (r *hostileRelay) connect(ctx context.Context, guest net.Conn, device []byte) {
	if !r.step(ctx, "connect") {
		return
	}
	r.mu.Lock()
	var host net.Conn
	for id, c := range r.hosts {
		if b, err := meeting.ParseDeviceID(id); err == nil && string(b[:]) == string(device) {
			host = c
		}
	}
	if host == nil {
		r.mu.Unlock()
		stWrite(guest, stResponse, stNotFound, []byte("not found"))
		return
	}
	meet := make(chan net.Conn, 1)
	key := fmt.Sprintf("%032d", len(r.sessions))
	r.sessions["g"+key[1:]], r.sessions["h"+key[1:]] = meet, meet
	r.mu.Unlock()
	where := r.port
	if r.Session != 0 {
		where = r.Session
	}
	for range r.Invitations {
		if stWrite(host, stInvitation, make([]byte, 32), []byte("h"+key[1:]), []byte{}, where, 1) != nil {
			break
		}
	}
	if r.step(ctx, "invite guest") {
		stWrite(guest, stInvitation, make([]byte, 32), []byte("g"+key[1:]), []byte{}, where, 0)
	}
}

// session joins the two connections of one.
func (r *hostileRelay) session(ctx context.Context, c net.Conn) {
	_, key, err := stRead(c)
	if err != nil || len(key) == 0 || !r.step(ctx, "session") {
		return
	}
	r.mu.Lock()
	meet := r.sessions[string(key)]
	delete(r.sessions, string(key))
	r.mu.Unlock()
	if meet == nil {
		stWrite(c, stResponse, stTaken, []byte("already connected"))
		return
	}
	stWrite(c, stResponse, stSuccess, []byte("success"))
	if key[0] == 'h' {
		select {
		case meet <- c: // the guest's side carries both
			<-ctx.Done()
		case <-ctx.Done():
		}
		return
	}
	select {
	case host := <-meet:
		defer host.Close()
		carry := r.Carry
		if carry == nil {
			carry = carryAll
		}
		carry(c, host)
	case <-ctx.Done():
	}
}

func carryAll(guest, host net.Conn) {
	var both sync.WaitGroup
	for _, ends := range [][2]net.Conn{{guest, host}, {host, guest}} {
		both.Go(func() {
			defer ends[1].Close()
			io.Copy(ends[1], ends[0])
		})
	}
	both.Wait()
}

// relayed returns a discovery server that tells only of relays, and a way through it and the relays.
func relayed(t testing.TB, relays ...*hostileRelay) *meeting.Global {
	d := newDiscovery(t)
	d.relaysOnly()
	var urls []string
	for _, r := range relays {
		urls = append(urls, r.URL)
	}
	return newGlobal(urls, d)
}

func TestStandInForSyncthingsRelay(t *testing.T) {
	t.Parallel()
	way := relayed(t, newHostileRelay(t))
	keys := testKeys(t.Name())
	h := startPairingHost(t, keys, way)
	h.waiting.await(t, "global", isOpen)
	for range 3 {
		if err := join(t.Context(), keys, 0, way); err != nil {
			t.Error(err)
		}
	}
}

// What a relay may do to those who meet there. None of it lets anybody in, and an honest relay beside it is enough.
func TestHostileSyncthingRelays(t *testing.T) {
	t.Parallel()
	stallAt := func(at string) func(context.Context, string) bool {
		return func(ctx context.Context, step string) bool {
			if step == at {
				<-ctx.Done()
			}
			return step != at
		}
	}
	cutAt := func(at string) func(context.Context, string) bool {
		return func(_ context.Context, step string) bool { return step != at }
	}
	for name, set := range map[string]func(*hostileRelay){
		"mirrors the guest": func(r *hostileRelay) {
			r.Carry = func(guest, host net.Conn) { io.Copy(guest, guest) }
		},
		"mirrors the host": func(r *hostileRelay) {
			r.Carry = func(guest, host net.Conn) { io.Copy(host, host) }
		},
		"changes a byte": func(r *hostileRelay) {
			r.Carry = func(guest, host net.Conn) { carryAll(&flipping{Conn: guest}, host) }
		},
		"stalls a session": func(r *hostileRelay) {
			r.Carry = func(guest, host net.Conn) { io.Copy(io.Discard, guest) }
		},
		"speaks for the host": func(r *hostileRelay) {
			r.Carry = func(guest, host net.Conn) { guest.Write(make([]byte, 4096)) }
		},
		"stalls at once":           func(r *hostileRelay) { r.Step = stallAt("accept") },
		"stalls the join":          func(r *hostileRelay) { r.Step = stallAt("join") },
		"stalls the connect":       func(r *hostileRelay) { r.Step = stallAt("connect") },
		"stalls the invitation":    func(r *hostileRelay) { r.Step = stallAt("invite guest") },
		"stalls joining a session": func(r *hostileRelay) { r.Step = stallAt("session") },
		"cuts at once":             func(r *hostileRelay) { r.Step = cutAt("accept") },
		"cuts the join":            func(r *hostileRelay) { r.Step = cutAt("join") },
		"cuts the connect":         func(r *hostileRelay) { r.Step = cutAt("connect") },
		"cuts the invitation":      func(r *hostileRelay) { r.Step = cutAt("invite guest") },
		"cuts a session":           func(r *hostileRelay) { r.Step = cutAt("session") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := newHostileRelay(t, set)
			keys := testKeys(name)
			way := relayed(t, bad)
			h := startPairingHost(t, keys, way)
			h.waiting.await(t, "global", isOpen)
			start := time.Now()
			err := join(t.Context(), keys, time.Second, way)
			t.Logf("alone, after %v: %v", time.Since(start), err)
			if _, ok := errors.AsType[*meeting.NobodyError](err); !ok {
				t.Errorf("got %T: %v", err, err)
			}
			if proved, _ := h.counts(); proved > 0 {
				t.Error("somebody got past the handshake")
			}
			if took := time.Since(start); took > 6*time.Second {
				t.Errorf("it took %v", took)
			}
			good := relayed(t, bad, newHostileRelay(t))
			keys = testKeys("again " + name)
			startPairingHost(t, keys, good).waiting.await(t, "global", isOpen)
			start = time.Now()
			if err := join(t.Context(), keys, 0, good); err != nil {
				t.Errorf("beside an honest one, after %v: %v", time.Since(start), err)
			}
			t.Logf("beside an honest one: after %v", time.Since(start))
		})
	}
}

// A flipping connection changes the tenth byte that is read of it.
type flipping struct {
	net.Conn
	n int
}

func (f *flipping) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if i := 9 - f.n; i >= 0 && i < n {
		b[i] ^= 1
	}
	f.n += n
	return n, err
}

// A relay that cuts after any number of chunks leaves nothing behind that stands in the way of the next try.
func TestSyncthingRelayThatCuts(t *testing.T) {
	t.Parallel()
	for cut := range 7 {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			broken := false
			carry := func(guest, host net.Conn) {
				mu.Lock()
				first := !broken
				broken = true
				mu.Unlock()
				if !first {
					carryAll(guest, host)
					return
				}
				// What is said in turns is a message each.
				buf := make([]byte, 64<<10)
				for i, ends := 0, [2]net.Conn{guest, host}; i < cut; i++ {
					ends[i%2].SetReadDeadline(time.Now().Add(300 * time.Millisecond))
					n, err := ends[i%2].Read(buf)
					if err != nil {
						return
					}
					ends[(i+1)%2].Write(buf[:n])
				}
			}
			r := newHostileRelay(t, func(r *hostileRelay) { r.Carry = carry })
			keys := testKeys(t.Name())
			way := relayed(t, r)
			startPairingHost(t, keys, way).waiting.await(t, "global", isOpen)
			var err error
			for range 3 {
				if err = join(t.Context(), keys, 0, way); err == nil {
					return
				}
				t.Logf("a try failed: %v", err)
			}
			t.Error(err)
		})
	}
}

// A relay that invites the host to thousands of sessions makes it join a few, and none of what is not there.
func TestSyncthingRelayThatFloods(t *testing.T) {
	t.Parallel()
	victim, count := stranger(t, "hello")
	r := newHostileRelay(t, func(r *hostileRelay) { r.Invitations, r.Session = 5000, port(victim) })
	keys := testKeys(t.Name())
	way := relayed(t, r, newHostileRelay(t))
	h := startPairingHost(t, keys, way)
	h.waiting.await(t, "global", isOpen)
	start := time.Now()
	if err := join(t.Context(), keys, 0, way); err != nil {
		t.Error(err)
	}
	if proved, joined := h.counts(); proved != 1 || joined != 1 {
		t.Errorf("%d proved themselves, %d joined", proved, joined)
	}
	// 30 at once and 10 a second for the host, and a few of the guest.
	if n, most := count(), 30+20+10*int(time.Since(start).Seconds()+1); n > most {
		t.Errorf("%d connections, want %d at most", n, most)
	}
}

// A network that goes away takes the connection to the relay with it. When it is back, the host is at the relay again.
func TestNetworkGoesAwayAndReturns(t *testing.T) {
	t.Parallel()
	r := newHostileRelay(t)
	d := newDiscovery(t)
	d.relaysOnly()
	var away atomic.Bool
	way := meeting.NewGlobal(meeting.GlobalConfig{
		DiscoveryServers: []string{d.URL}, Relays: []string{r.URL}, Port: -1,
		Interfaces: func() ([]net.Interface, error) {
			if away.Load() {
				return nil, nil
			}
			return loopback()
		},
	})
	h := startHost(t, "code", way)
	h.await(t, "global", isOpen)
	away.Store(true)
	s := h.await(t, "global", func(s meeting.State) bool { return s.Err != nil })
	if !s.Open || !strings.Contains(s.Err.Error(), "the network has changed") {
		t.Errorf("while it is away: %+v", s)
	}
	away.Store(false)
	h.await(t, "global", func(s meeting.State) bool { return s.Open && s.Err == nil })
	mustDial(t, "code", way)
}
