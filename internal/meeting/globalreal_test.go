package meeting_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/code"
	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/needs"
	"github.com/botsync/botsync/internal/pairing"
)

// tool returns where a program is that go.mod names as a tool. It is built when it is first asked for.
func tool(t testing.TB, name string) string {
	t.Helper()
	cmd := exec.Command("go", "tool", "-n", name)
	cmd.Env = append(os.Environ(), "GOFLAGS=-tags=noassets", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		if ee, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, ee.Stderr)
		}
		needs.Skip(t, "this test needs %s of Syncthing's module: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// freePort returns a TCP port that nobody uses.
func freePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return port(ln.Addr())
}

// startServer starts a program that runs until the end of the test or until stop is called, and returns what a line of
// its log says.
func startServer(t testing.TB, line, program string, args ...string) (said string, stop func()) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = t.TempDir()
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
		w.Close()
	})
	t.Cleanup(stop)
	found := make(chan string, 1)
	go func() {
		pattern := regexp.MustCompile(line)
		log := bufio.NewScanner(r)
		for log.Scan() {
			if m := pattern.FindStringSubmatch(log.Text()); m != nil {
				select {
				case found <- m[1]:
				default:
				}
			}
		}
	}()
	select {
	case said = <-found:
		return said, stop
	case <-time.After(20 * time.Second):
		t.Fatalf("%s says nothing like %s", filepath.Base(program), line)
		panic("unreachable")
	}
}

// awaitPort waits until somebody listens.
func awaitPort(t testing.TB, port int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody listens at port %d: %v", port, err)
		}
	}
}

// strelaysrv runs Syncthing's relay. Its URL has a name, since discovery servers take no address of this machine.
func strelaysrv(t testing.TB) (url string, stop func()) {
	t.Helper()
	p := freePort(t)
	id, stop := startServer(t, `URI: relay://\S*[?&]id=([A-Z0-9-]+)`, tool(t, "strelaysrv"),
		"-listen", fmt.Sprintf("127.0.0.1:%d", p), "-pools", "", "-status-srv", "", "-keys", ".")
	awaitPort(t, p)
	return fmt.Sprintf("relay://localhost:%d/?id=%s", p, id), stop
}

// stdiscosrv runs Syncthing's discovery server.
func stdiscosrv(t testing.TB) (url string) {
	t.Helper()
	p := freePort(t)
	id, _ := startServer(t, `[dD]evice\w*=([A-Z0-9-]{63})`, tool(t, "stdiscosrv"), "--listen", fmt.Sprintf("127.0.0.1:%d", p))
	awaitPort(t, p)
	return fmt.Sprintf("https://127.0.0.1:%d/v2/?id=%s", p, id)
}

// A pairingHost waits for guests of a code with the real handshake and exchange. The zero of its results means that
// nobody got past the handshake.
type pairingHost struct {
	mu      sync.Mutex
	proved  int // got past the handshake
	joined  int // were accepted
	waiting *testHost
}

var (
	hostID  = idOf("the host's own identity")
	guestID = idOf("the guest's own identity")
)

// startPairingHost starts a host of the keys that takes any number of guests.
func startPairingHost(t testing.TB, keys pairing.Keys, ways ...meeting.Way) *pairingHost {
	t.Helper()
	p := &pairingHost{waiting: &testHost{states: make(map[string]meeting.State), changed: make(chan struct{})}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- meeting.Host(ctx, ways, place(keys), meeting.HostOptions{Report: p.waiting.report}, p.serve(keys))
	}()
	p.waiting.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("Host does not return after its context's end")
		}
	})
	t.Cleanup(p.waiting.stop)
	return p
}

func place(keys pairing.Keys) meeting.Place {
	return meeting.Place{Label: meeting.Label(keys.Place.Label()), Secret: keys.Place}
}

func (p *pairingHost) serve(keys pairing.Keys) func(context.Context, string, net.Conn) {
	device := pairing.Device{ID: hostID, Name: "server", Role: "agent"}
	host := pairing.Host{
		Welcome: func(_ context.Context, h pairing.Hello) (pairing.Welcome, error) {
			now := time.Now().UTC().Truncate(time.Second)
			return pairing.Welcome{
				Network: pairing.Network{ID: "n1"}, Folders: pairing.Folders{{ID: "n1-shared", Name: "shared"}},
				Devices: pairing.Records{{Device: device, AddedBy: hostID, AddedAt: now}}, Host: hostID,
				Guest: pairing.Record{Device: h.Device, AddedBy: hostID, AddedAt: now},
			}, nil
		},
		Accept: func(context.Context, pairing.Hello, pairing.Welcome) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.joined++
			return nil
		},
	}
	return func(ctx context.Context, _ string, conn net.Conn) {
		ch, err := pairing.Handshake(ctx, conn, keys.PSK, pairing.HostSide)
		if err != nil || !meeting.Authenticated(conn) {
			return
		}
		p.mu.Lock()
		p.proved++
		p.mu.Unlock()
		host.Run(ctx, ch)
	}
}

func (p *pairingHost) counts() (proved, joined int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proved, p.joined
}

// join looks for the host of the keys and pairs with it.
func join(ctx context.Context, keys pairing.Keys, round time.Duration, ways ...meeting.Way) error {
	ch, _, err := meeting.Dial(ctx, ways, place(keys), meeting.DialOptions{Round: round},
		func(ctx context.Context, _ string, conn net.Conn) (*pairing.Channel, error) {
			return pairing.Handshake(ctx, conn, keys.PSK, pairing.GuestSide)
		})
	if err != nil {
		return err
	}
	guest := pairing.Guest{
		Device: pairing.Device{ID: guestID, Name: "laptop", Role: "human"},
		Store:  func(context.Context, pairing.Welcome) error { return nil },
	}
	_, err = guest.Run(ctx, ch)
	return err
}

// testKeys are keys that cost nothing.
func testKeys(name string) pairing.Keys {
	p := placeOf(name)
	q := placeOf("psk of " + name)
	return pairing.Keys{Place: p.Secret, PSK: q.Secret}
}

// The whole, with Syncthing's own servers: a host behind a closed router is announced and met over a relay.
func TestGlobalOverRealServers(t *testing.T) {
	relay, _ := strelaysrv(t)
	server := stdiscosrv(t)
	way := func() *meeting.Global { return newGlobalAt([]string{relay}, server) }
	c, err := code.Parse("abacus-abdomen-ability-ablaze-zoom")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	h := startPairingHost(t, pairing.DeriveKeys(c), way())
	if s := h.waiting.await(t, "global", isOpen); s.Err != nil {
		t.Errorf("open, but %v", s.Err)
	}
	t.Logf("announced after %v, with Argon2id", time.Since(start))
	for range 3 {
		start := time.Now()
		keys := pairing.DeriveKeys(c)
		derived := time.Now()
		err := join(t.Context(), keys, 0, way())
		took := time.Since(derived)
		t.Logf("paired after %v, of which Argon2id took %v", time.Since(start), derived.Sub(start))
		if err != nil || took > 3*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	}
	if proved, joined := h.counts(); proved != 3 || joined != 3 {
		t.Errorf("%d guests proved themselves and %d joined", proved, joined)
	}
	// Who has the place, but not the key, gets no further than to the host.
	thief := pairing.DeriveKeys(c)
	thief.PSK[0] ^= 1
	if err := join(t.Context(), thief, 1500*time.Millisecond, way()); err == nil {
		t.Error("joined with a wrong key")
	} else if _, ok := errors.AsType[*meeting.NobodyError](err); !ok {
		t.Errorf("got %T: %v", err, err)
	}
	if proved, _ := h.counts(); proved != 3 {
		t.Error("somebody got past the handshake with a wrong key")
	}
	// After the invite the identity is gone from the relay.
	h.waiting.stop()
	if err := join(t.Context(), pairing.DeriveKeys(c), 1500*time.Millisecond, way()); err == nil {
		t.Error("joined a host that has gone")
	}
}

// Directly, with Syncthing's own discovery server, at an address of this machine that is not of the loopback interface.
func TestGlobalDirectlyOverRealServer(t *testing.T) {
	t.Parallel()
	if !hasPublicInterface(t) {
		needs.Skip(t, "this test needs a network interface other than loopback")
	}
	server := stdiscosrv(t)
	way := meeting.NewGlobal(meeting.GlobalConfig{DiscoveryServers: []string{server}, Relays: []string{"none"}, Port: -1})
	startHost(t, "code", way).await(t, "global", isOpen)
	_, took := mustDial(t, "code", way)
	t.Logf("met in %v", took)
}

func hasPublicInterface(t testing.TB) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return true
		}
	}
	return false
}

// A relay that goes away is said to be, and a host that has another, or the same again, is there.
func TestRealRelayGoesAway(t *testing.T) {
	t.Parallel()
	d := newDiscovery(t)
	d.relaysOnly()
	first, stop := strelaysrv(t)
	second, _ := strelaysrv(t)
	way := newGlobal([]string{first, second}, d)
	h := startHost(t, "code", way)
	h.await(t, "global", isOpen)
	d.await(t, "both relays", func() bool {
		n := 0
		for _, a := range d.get(idOf("code")) {
			if isRelayAddress(a) {
				n++
			}
		}
		return n == 2
	})
	stop()
	_, took := mustDial(t, "code", way)
	t.Logf("met in %v by the other relay", took)
	only := newGlobal([]string{first}, d)
	h2 := startHost(t, "other code", only)
	if s := h2.await(t, "global", func(s meeting.State) bool { return s.Open && s.Err != nil }); !strings.Contains(s.Err.Error(), "refused") {
		t.Errorf("a host without its relay says %v", s.Err)
	}
}

// A pool names relays, of which the host joins one.
func TestRelayPool(t *testing.T) {
	t.Parallel()
	relay, _ := strelaysrv(t)
	dead := fmt.Sprintf("relay://127.0.0.1:%d/?id=%s", freePort(t), idOf("x"))
	d := newDiscovery(t)
	d.relaysOnly()
	pool := "dynamic+" + poolServer(t, fmt.Sprintf(`{"relays":[{"url":%q},{"url":%q},{"url":"tcp://127.0.0.1:1"},{"url":":"}]}`, dead, relay))
	way := newGlobal([]string{pool}, d)
	startHost(t, "code", way).await(t, "global", isOpen)
	mustDial(t, "code", way)
	for body, want := range map[string]string{
		`{"relays":[]}`: "knows no relay", `{"relays":`: "no list of relays", `[]`: "no list of relays",
		`{"relays":[{"url":"` + strings.Repeat("a", 2<<20) + `"}]}`: "more than 1024 KiB",
	} {
		way := newGlobal([]string{"dynamic+" + poolServer(t, body)}, d)
		degraded := func(s meeting.State) bool { return s.Open && s.Err != nil }
		if s := startHost(t, "code", way).await(t, "global", degraded); !strings.Contains(s.Err.Error(), want) {
			t.Errorf("%.40s: the host says %v, want %q", body, s.Err, want)
		}
	}
}
