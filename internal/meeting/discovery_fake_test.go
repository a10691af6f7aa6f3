package meeting_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/meeting"
)

// newCertificate returns a self-signed certificate for 127.0.0.1, valid between two points of time.
func newCertificate(t testing.TB, from, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "stdiscosrv"},
		NotBefore: from, NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A discovery is a discovery server of which a test decides what it does.
type discovery struct {
	URL  string // with the id of its certificate
	Bare string // without
	// Announce and Lookup answer in place of the server; nil for honest ones. They are set by set, as is Filter.
	Announce, Lookup http.HandlerFunc
	// Filter says which addresses are told; nil for all.
	Filter func(string) bool

	mu        sync.Mutex
	records   map[string][]string // by device ID
	announced []string            // user agents, one for each announcement
	lookups   []string            // user agents, one for each look-up
	changed   chan struct{}       // closed and replaced with every request
}

func newDiscovery(t testing.TB) *discovery {
	return newDiscoveryWith(t, newCertificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
}

func newDiscoveryWith(t testing.TB, cert tls.Certificate) *discovery {
	t.Helper()
	d := &discovery{records: make(map[string][]string), changed: make(chan struct{})}
	s := httptest.NewUnstartedServer(d)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	d.Bare = s.URL + "/v2/"
	d.URL = d.Bare + "?id=" + meeting.DeviceIDOf(cert.Certificate[0])
	return d
}

// set changes what the server does.
func (d *discovery) set(f func(*discovery)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d)
}

// relaysOnly makes the server tell only addresses of relays, as if the host were behind a closed router.
func (d *discovery) relaysOnly() {
	d.set(func(d *discovery) { d.Filter = isRelayAddress })
}

func (d *discovery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	special := d.Lookup
	if r.Method == http.MethodPost {
		d.announced = append(d.announced, r.UserAgent())
		special = d.Announce
	} else {
		d.lookups = append(d.lookups, r.UserAgent())
	}
	close(d.changed)
	d.changed = make(chan struct{})
	d.mu.Unlock()
	switch {
	case special != nil:
		special(w, r)
	case r.Method == http.MethodPost:
		d.take(w, r)
	default:
		d.tell(w, r)
	}
}

func (d *discovery) take(w http.ResponseWriter, r *http.Request) {
	var record struct{ Addresses []string }
	if err := json.NewDecoder(r.Body).Decode(&record); err != nil || len(r.TLS.PeerCertificates) == 0 {
		http.Error(w, "Forbidden", http.StatusForbidden)
		return
	}
	var all []string
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	for _, a := range record.Addresses {
		u, err := url.Parse(a)
		if err != nil {
			continue
		}
		if u.Hostname() == "" {
			u.Host = net.JoinHostPort(host, u.Port())
		}
		all = append(all, u.String())
	}
	d.put(meeting.DeviceIDOf(r.TLS.PeerCertificates[0].Raw), all...)
	w.Header().Set("Reannounce-After", "3300")
	w.WriteHeader(http.StatusNoContent)
}

// put makes the server tell the addresses of a device.
func (d *discovery) put(id string, addresses ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[id] = addresses
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *discovery) get(id string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.records[id]
}

func (d *discovery) tell(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	filter := d.Filter
	d.mu.Unlock()
	var all []string
	for _, a := range d.get(r.URL.Query().Get("device")) {
		if filter == nil || filter(a) {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		w.Header().Set("Retry-After", "1800") // as Syncthing's server does, for those who ask for ever
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"addresses": all, "seen": time.Now()})
}

// counts returns the numbers of announcements and look-ups so far.
func (d *discovery) counts() (announced, lookups int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.announced), len(d.lookups)
}

// await waits until ok holds, which is asked after every request.
func (d *discovery) await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		d.mu.Lock()
		changed := d.changed
		d.mu.Unlock()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("the discovery server does not see %s", what)
		}
	}
}

// newGlobal returns the global way through discovery servers, on any port and without relays but those given.
func newGlobal(relays []string, servers ...*discovery) *meeting.Global {
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.URL)
	}
	return newGlobalAt(relays, urls...)
}

func newGlobalAt(relays []string, urls ...string) *meeting.Global {
	if relays == nil {
		relays = []string{"none"}
	}
	return meeting.NewGlobal(meeting.GlobalConfig{
		DiscoveryServers: urls, Relays: relays, UserAgent: "botsync/1.2.3", Port: -1, Interfaces: loopback,
	})
}

// idOf is the device ID under which the host of a code is announced.
func idOf(code string) string {
	_, _, id := meeting.GlobalIdentity(placeOf(code).Secret)
	return id
}

func isRelayAddress(s string) bool { return strings.HasPrefix(s, "relay://") }

// untilGone is an answer that never comes.
func untilGone(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body) // only then the server notices that the client leaves
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// refusingAddress returns an address where nobody listens while the test runs: the near end of a connection, whose port
// is given to nobody else.
func refusingAddress(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		ln.Close()
	})
	return conn.LocalAddr().String()
}
