package meeting_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/meeting"
)

// Host and guest of all versions and platforms must derive the same.
func TestGlobalIdentityVectors(t *testing.T) {
	t.Parallel()
	var counting [32]byte
	for i := range counting {
		counting[i] = byte(i)
	}
	for _, tt := range []struct {
		secret         [32]byte
		seed, cert, id string
	}{
		{[32]byte{}, "ba734004704de6e6c48a58ef2f55670720610838d398413fb1b1ab3a778285f8",
			"af9e7579e8e7e3621d9a4b342b6b4a8dce0104a509b59d2394b393dad5c1847f", "V6PHK6P-I47RWEO-HM2JM2C-W22KRXS-HACBFFB-G2Z2I4G-UWOJ5VV-OBQR7QE"},
		{counting, "b7fd3a6e4e8b94d4d35ad31dfb55960caaa865893311c74bc3a8ed972ae4e281",
			"d74f225d90ecaa2adb2296a8e7d5387eab2047b57f8d95393c8a38ba300ba769", "25HSEXM-Q5SVCVP-WZCS2UO-PVJYP2K-VSAR5VP-6GZKOJH-4RI4LUM-ALU5UQW"},
	} {
		seed, der, id := meeting.GlobalIdentity(tt.secret)
		sum := sha256.Sum256(der)
		if hex.EncodeToString(seed[:]) != tt.seed || hex.EncodeToString(sum[:]) != tt.cert || id != tt.id {
			t.Errorf("%x: {%q, %q, %q}", tt.secret, hex.EncodeToString(seed[:]), hex.EncodeToString(sum[:]), id)
		}
		if doc, err := os.ReadFile("../../docs/meeting-global.md"); err != nil || !strings.Contains(string(doc), seedAndID(tt.seed, id)) {
			t.Errorf("the documentation does not have %s: %v", seedAndID(tt.seed, id), err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if err := cert.CheckSignature(x509.PureEd25519, cert.RawTBSCertificate, cert.Signature); err != nil {
			t.Error(err)
		}
		if cert.Subject.String() != "CN=syncthing" || len(cert.Extensions) > 0 || cert.SerialNumber.Sign() <= 0 {
			t.Errorf("unexpected certificate: %+v", cert)
		}
		if _, again, _ := meeting.GlobalIdentity(tt.secret); string(again) != string(der) {
			t.Error("the certificate varies")
		}
	}
}

func seedAndID(seed, id string) string { return fmt.Sprintf("`%s` | `%s`", seed, id) }

func TestGlobalDirectly(t *testing.T) {
	t.Parallel()
	d := newDiscovery(t)
	way := newGlobal(nil, d)
	h := startHost(t, "code", way)
	if s := h.await(t, "global", isOpen); s.Err != nil {
		t.Errorf("open, but %v", s.Err)
	}
	for range 3 { // one host, several guests: none uses the place up
		_, took := mustDial(t, "code", way)
		t.Logf("met in %v", took)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.announced, []string{"botsync/1.2.3"}) {
		t.Errorf("announced by %q, want one announcement", d.announced)
	}
	if len(d.lookups) != 3 || d.lookups[0] != "botsync/1.2.3" {
		t.Errorf("looked up by %q", d.lookups)
	}
}

// A guest that comes a little before its host waits for it, whatever the server says of asking again.
func TestGlobalGuestBeforeHost(t *testing.T) {
	t.Parallel()
	d := newDiscovery(t)
	way := newGlobal(nil, d)
	met := make(chan error, 1)
	go func() {
		conn, _, err := dial(t.Context(), "code", 0, way)
		if err == nil {
			conn.Close()
		}
		met <- err
	}()
	d.await(t, "a look-up", func() bool { _, n := d.counts(); return n == 1 })
	startHost(t, "code", way)
	if err := <-met; err != nil {
		t.Error(err)
	}
}

// The servers are asked a few times, and nobody is there.
func TestGlobalNobody(t *testing.T) {
	t.Parallel()
	d := newDiscovery(t)
	start := time.Now()
	_, _, err := dial(t.Context(), "code", 0, newGlobal(nil, d))
	if _, ok := errors.AsType[*meeting.NobodyError](err); !ok {
		t.Errorf("got %T: %v", err, err)
	}
	if _, n := d.counts(); n != 5 || time.Since(start) > 10*time.Second {
		t.Errorf("%d look-ups in %v", n, time.Since(start))
	}
}

func TestGlobalLeavesNothingBehind(t *testing.T) {
	d := newDiscovery(t)
	way := newGlobal(nil, d)
	startAndMeet := func() {
		h := startHost(t, "code", way)
		h.await(t, "global", isOpen)
		mustDial(t, "code", way)
		h.stop()
	}
	startAndMeet()
	check := checkGoroutines(t)
	startAndMeet()
	check()
}

// liar answers every look-up with the same addresses.
func liar(t testing.TB, addresses ...string) *discovery {
	d := newDiscovery(t)
	for _, code := range []string{"code", "other code"} {
		d.put(idOf(code), addresses...)
	}
	return d
}

// A stranger takes connections and says what comes to its mind. It counts them.
func stranger(t testing.TB, say string) (addr net.Addr, count func() int) {
	t.Helper()
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	n := make(chan int, 1)
	n <- 0
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n <- <-n + 1
			go func() {
				defer c.Close()
				buf := make([]byte, 100)
				c.Read(buf)
				c.Write([]byte(say))
				c.Read(buf)
			}()
		}
	}()
	return ln.Addr(), func() int { i := <-n; n <- i; return i }
}

func port(a net.Addr) int { return a.(*net.TCPAddr).Port }

// A server that lies is of no use, and does no harm to others: not to the guest, and not to those it names.
func TestLyingDiscoveryServers(t *testing.T) {
	t.Parallel()
	attacker, attackerCount := stranger(t, strings.Repeat("x", 1000))
	silent, silentCount := stranger(t, "")
	other := newDiscovery(t)
	h := startHost(t, "other code", newGlobal(nil, other))
	h.await(t, "global", isOpen)
	var many, strange []string
	for i := range 1500 {
		many = append(many, fmt.Sprintf("tcp://127.0.%d.%d:%d", 1+i/250, 1+i%250, port(silent)))
	}
	for _, s := range []string{"", ":", "tcp://", "tcp://:0", "tcp://0.0.0.0:%d", "tcp://[::]:%d", "tcp://localhost:%d", "udp://127.0.0.1:%d",
		"tcp://224.0.0.1:%d", "tcp://255.255.255.255:%d", "tcp://169.254.1.1:%d", "tcp://[fe80::1%%25lo]:%d", "unix:///tmp/x",
		"http://127.0.0.1:%d", "tcp://user@127.0.0.1:%d", "relay://0.0.0.0:%d", "relay://[::]:%d/?id=x", "dynamic+http://127.0.0.1:%d", "quic://127.0.0.1:%d"} {
		if strings.Contains(s, "%d") {
			s = fmt.Sprintf(s, port(attacker))
		}
		strange = append(strange, s)
	}
	for _, tt := range []struct {
		name string
		liar *discovery
		// seen tells whether the connections that the lie led to are as expected.
		seen func() bool
	}{
		{"another device", liar(t, other.get(idOf("other code"))...), func() bool { return len(h.met) == 0 }},
		{"an attacker", liar(t, fmt.Sprintf("tcp://127.0.0.1:%d", port(attacker))), func() bool { return attackerCount() > 0 }},
		{"thousands", liar(t, many...), func() bool { n := silentCount(); return n > 0 && n <= 4*meeting.MaxCandidates }},
		{"strange ones", liar(t, strange...), func() bool { return true }},
		{"nothing", liar(t), func() bool { return true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := attackerCount()
			bad := newGlobal(nil, tt.liar)
			_, _, err := dial(t.Context(), "code", 1500*time.Millisecond, bad)
			t.Logf("alone: %v", err)
			if _, ok := errors.AsType[*meeting.NobodyError](err); !ok {
				t.Errorf("got %T: %v", err, err)
			}
			if !tt.seen() {
				t.Error("the connections that came of it are not as expected")
			}
			if tt.name == "strange ones" && attackerCount() != before {
				t.Error("a strange address was dialled")
			}
			honest := newDiscovery(t)
			both := newGlobal(nil, tt.liar, honest)
			startHost(t, "code", newGlobal(nil, honest)).await(t, "global", isOpen)
			_, took := mustDial(t, "code", both)
			t.Logf("beside an honest one: met in %v", took)
		})
	}
}

// What goes wrong with a server is said in words that help, soon, and is nobody else's problem.
func TestBrokenDiscoveryServers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	answer := func(status int, kind, body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			for i := 0; i+1 < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			w.Write([]byte(body))
		}
	}
	doing := func(h http.HandlerFunc) string {
		d := newDiscovery(t)
		d.set(func(d *discovery) { d.Lookup, d.Announce = h, h })
		return d.URL
	}
	refusing := refusingAddress(t)
	ok := newDiscovery(t)
	early := newDiscoveryWith(t, newCertificate(t, now.Add(3*time.Hour), now.Add(9*time.Hour)))
	late := newDiscoveryWith(t, newCertificate(t, now.Add(-9*time.Hour), now.Add(-3*time.Hour)))
	for name, tt := range map[string]struct{ url, want string }{
		"busy":             {doing(answer(429, "text/plain", "", "Retry-After", "1500")), "is busy: 429 Too Many Requests, and wants to be asked again in 25m0s"},
		"problem":          {doing(answer(500, "text/plain", "", "Retry-After", "1700")), "has a problem: 500 Internal Server Error"},
		"problem, shortly": {doing(answer(503, "text/plain", "")), "has a problem: 503 Service Unavailable"},
		"web page":         {doing(answer(200, "text/html; charset=utf-8", "<p>Please log in")), "answered with a web page (200 OK): is there a login page in the way?"},
		"rubbish":          {doing(answer(200, "application/json", `{"addresses":["tcp:`)), "no list of addresses"},
		"other types":      {doing(answer(200, "application/json", `{"addresses":{"a":1}}`)), "no list of addresses"},
		"huge":             {doing(answer(200, "application/json", `{"addresses":["`+strings.Repeat("a", 10<<20)+`"]}`)), "more than 64 KiB"},
		"redirect":         {doing(answer(302, "text/plain", "", "Location", "http://127.0.0.2:9/")), "redirect to http://127.0.0.2:9/, which is not followed"},
		"forbidden":        {doing(answer(403, "text/plain", "")), "refused the request: 403 Forbidden"},
		"never":            {doing(untilGone), "did not answer in time"},
		"slam":             {doing(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "closed the connection"},
		"closed":           {"https://" + refusing + "/", "connection refused"},
		"other id":         {ok.Bare + "?id=" + idOf("code"), "certificate is not the one in the id"},
		"no id":            {ok.Bare, "not signed by anybody that this machine trusts"},
		"early":            {early.Bare, "not valid yet: is the clock of this machine right?"},
		"late":             {late.Bare, "has expired: is the clock of this machine right?"},
		"no TLS":           {"https://" + strings.TrimPrefix(plainHTTP(t), "http://"), "does not speak TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := newGlobalAt(nil, tt.url)
			if name == "huge" || name == "rubbish" || name == "other types" {
				// As an answer to an announcement these are fine.
			} else {
				h := startHost(t, "code", bad)
				if s := h.await(t, "global", isFailing); !strings.Contains(s.Err.Error(), tt.want) {
					t.Errorf("the host says %v, want %q", s.Err, tt.want)
				}
			}
			bad = newGlobalAt(nil, tt.url)
			start := time.Now()
			_, _, err := dial(t.Context(), "code", 2*time.Second, bad)
			t.Logf("after %v: %v", time.Since(start), err)
			if ue, ok := errors.AsType[*meeting.UnreachableError](err); !ok || len(ue.Failures) != 1 || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %T: %v, want %q", err, err, tt.want)
			}
			both := newGlobalAt(nil, tt.url, ok.URL)
			code := "code for " + name
			if s := startHost(t, code, both).await(t, "global", isOpen); s.Err != nil {
				t.Errorf("open, but %v", s.Err)
			}
			mustDial(t, code, both)
		})
	}
}

// plainHTTP is a web server without TLS.
func plainHTTP(t testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.NotFoundHandler()}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return "http://" + ln.Addr().String()
}

// A server that wants to be left alone is.
func TestBusyDiscoveryServerIsLeftAlone(t *testing.T) {
	t.Parallel()
	d := newDiscovery(t)
	busy := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	d.set(func(d *discovery) { d.Announce, d.Lookup = busy, busy })
	way := newGlobal(nil, d)
	h := startHost(t, "code", way)
	h.await(t, "global", isFailing)
	h.stop()
	startHost(t, "code", way).await(t, "global", isFailing)
	for range 2 {
		if _, _, err := dial(t.Context(), "code", 3*time.Second, way); !strings.Contains(fmt.Sprint(err), "429") {
			t.Errorf("got %v", err)
		}
	}
	if a, l := d.counts(); a != 1 || l != 1 {
		t.Errorf("%d announcements and %d look-ups, want one each", a, l)
	}
}

// With the id of the certificate in the URL, a clock that is wrong by hours does not matter.
func TestClockDoesNotMatterWithID(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, cert := range map[string][2]time.Time{
		"early": {now.Add(9 * time.Hour), now.Add(10 * time.Hour)}, "late": {now.Add(-9 * time.Hour), now.Add(-8 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way := newGlobal(nil, newDiscoveryWith(t, newCertificate(t, cert[0], cert[1])))
			startHost(t, "code", way).await(t, "global", isOpen)
			mustDial(t, "code", way)
		})
	}
}

// A host whose server comes back is announced then.
func TestHostIsAnnouncedWhenTheServerIsBack(t *testing.T) {
	t.Parallel()
	d := newDiscovery(t)
	d.set(func(d *discovery) {
		d.Announce = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	})
	way := newGlobal(nil, d)
	h := startHost(t, "code", way)
	h.await(t, "global", isFailing)
	d.set(func(d *discovery) { d.Announce = nil })
	h.await(t, "global", isOpen)
	mustDial(t, "code", way)
}

func TestGlobalConfiguration(t *testing.T) {
	t.Parallel()
	id := idOf("code")
	for _, tt := range []struct{ servers, relays, target, problem string }{
		{"", "", "Syncthing's servers", ""},
		{"default", "none", "Syncthing's servers", ""},
		{"https://a.example.org/?id=" + id + " https://b.example.org:8443/v2/", "none", "a.example.org, b.example.org:8443", ""},
		{"default https://a.example.org/", "relay://192.0.2.1:22067/?id=" + id, "a.example.org", ""},
		{"https://a.example.org/?noannounce https://a.example.org/?nolookup", "dynamic+https://pool.example.org/x", "a.example.org", ""},
		{"none", "", "", "no discovery server is configured"},
		{"http://a.example.org", "", "", "its scheme must be https"},
		{"http://a.example.org/?insecure", "", "", "announcing needs https"},
		{"https://", "", "", "names no host"},
		{"https://u:p@a", "", "", "user name"},
		{"https://a/?id=" + id[:60] + "AAA", "", "", "id is malformed"},
		{"https://a\x7f", "", "", "invalid control character"},
		{"https://a/" + strings.Repeat("x", 600), "", "", "longer than"},
		{strings.Repeat("default https://1/ https://2/ https://3/ https://4/ https://5/ https://6/ https://7/ ", 1), "", "", "more than 8"},
		{"default", "relay://a", "", "names no port"},
		{"default", "relay://:1", "", "names no host"},
		{"default", "relay://a:0", "", "names no port"},
		{"default", "relay://a:1/?id=x", "", "id is malformed"},
		{"default", "tcp://a:1", "", "its scheme is tcp instead of relay"},
		{"default", "dynamic+ftp://a", "", "a pool looks like"},
		{"default", "relay://a/ relay://b", "", "; "},
	} {
		g := meeting.NewGlobal(meeting.GlobalConfig{DiscoveryServers: strings.Fields(tt.servers), Relays: strings.Fields(tt.relays)})
		switch {
		case tt.problem == "" && (g.Problem() != nil || !strings.Contains(g.Target(), tt.target)):
			t.Errorf("%q %q: %q, %v", tt.servers, tt.relays, g.Target(), g.Problem())
		case tt.problem != "" && !strings.Contains(fmt.Sprint(g.Problem()), tt.problem):
			t.Errorf("%q %q: %v, want %q", tt.servers, tt.relays, g.Problem(), tt.problem)
		case tt.problem != "":
			if _, _, err := dial(t.Context(), "code", time.Minute, g); !strings.Contains(fmt.Sprint(err), tt.problem) {
				t.Errorf("dialling says %v", err)
			}
		}
	}
}

func FuzzParseCandidate(f *testing.F) {
	for _, s := range []string{"tcp://192.0.2.1:1", "tcp://[2001:db8::1]:22000", "tcp4://10.0.0.1:1/", "relay://a.example.org:22067/?id=x&token=y",
		"relay://192.0.2.1:1/?id=" + idOf("code"), "tcp://[::ffff:127.0.0.1]:1", "tcp://[fe80::1%25lo]:1", "tcp://1:1", "relay://0:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := meeting.ParseCandidate(s, false)
		if got == "" {
			return
		}
		if again := meeting.ParseCandidate(got, false); again != got {
			t.Fatalf("%q was read as %q, and that as %q", s, got, again)
		}
		if rest, ok := strings.CutPrefix(got, "tcp://"); ok {
			a, err := net.ResolveTCPAddr("tcp", rest)
			if err != nil || a.Port == 0 || a.IP.IsLoopback() || a.IP.IsUnspecified() || a.IP.IsMulticast() || a.IP.IsLinkLocalUnicast() || a.Zone != "" {
				t.Fatalf("%q was read as %q", s, got)
			}
		}
	})
}
