package meeting

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	// maxDiscoveryAnswer bounds an answer's body; 32 addresses take 4 KiB.
	maxDiscoveryAnswer = 64 << 10
	// announceTimeout and lookupTimeout bound one request.
	announceTimeout = 15 * time.Second
	lookupTimeout   = 6 * time.Second
	// maxDiscoveryWait is the longest that a server can make us wait.
	maxDiscoveryWait = 2 * time.Hour
)

// A discoveryServer is one of Syncthing's protocol: POST announces the device whose certificate the client shows, GET
// looks one up.
type discoveryServer struct {
	name       string // for people
	url        *url.URL
	agent      string
	id         deviceID // of the server's certificate; zero for one that the system trusts
	insecure   bool     // any certificate will do
	noAnnounce bool
	noLookup   bool

	mu    sync.Mutex
	quiet map[string]silence // by method
}

// A silence is a server's wish to be left alone.
type silence struct {
	until time.Time
	err   error // the answer that said so
}

// newDiscoveryServer reads the URL of a server and the options in its query.
func newDiscoveryServer(raw, agent string) (*discoveryServer, error) {
	u, err := parseServerURL(raw)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	flag := func(name string) bool { return q.Has(name) && q.Get(name) != "false" }
	s := &discoveryServer{
		name: u.Host, url: u, agent: agent,
		insecure: flag("insecure"), noAnnounce: flag("noannounce"), noLookup: flag("nolookup"),
		quiet: make(map[string]silence),
	}
	u.RawQuery, u.Fragment = "", ""
	switch {
	case u.Hostname() == "":
		return nil, errors.New("it names no host; it looks like https://discovery.example.org/?id=…")
	case u.User != nil:
		return nil, errors.New("it must not have a user name or password")
	case u.Scheme == "http" && !s.insecure, u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("its scheme must be https")
	case u.Scheme == "http" && !s.noAnnounce:
		return nil, errors.New("announcing needs https, since the certificate is the identity; add noannounce to the URL")
	}
	if id := q.Get("id"); id != "" {
		if s.id, err = parseDeviceID(id); err != nil {
			return nil, errors.New("its id is malformed")
		}
	}
	return s, nil
}

// client returns an HTTP client for the server, that shows a certificate if it has one, and what ends it.
func (s *discoveryServer) client(certs ...tls.Certificate) (*http.Client, func()) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: certs, InsecureSkipVerify: s.insecure}
	if s.id != (deviceID{}) {
		// The hash says all about the certificate; the clock has no part in it.
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 || deviceIDOf(cs.PeerCertificates[0].Raw) != s.id {
				return errOtherCertificate
			}
			return nil
		}
	}
	client := newHTTPClient(cfg)
	return client, client.CloseIdleConnections
}

// discoveryRecord is what is announced and looked up.
type discoveryRecord struct {
	Addresses []string `json:"addresses"`
}

// announce says where the device is, and returns after what time the server wants to hear of it again.
func (s *discoveryServer) announce(ctx context.Context, id globalIdentity, addresses []string) (again time.Duration, err error) {
	if err := s.silent(http.MethodPost); err != nil {
		return 0, err
	}
	body, err := json.Marshal(discoveryRecord{addresses})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	client, done := s.client(id.cert)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true // the next is far away
	resp, _, err := s.do(client, req)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 || isWebPage(resp) {
		return 0, s.explainAnswer(resp)
	}
	return seconds(resp.Header.Get("Reannounce-After")), nil
}

// lookup asks where the device is. There are no addresses, and no error, if the server does not know.
func (s *discoveryServer) lookup(ctx context.Context, client *http.Client, id deviceID) ([]string, error) {
	if err := s.silent(http.MethodGet); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	u := *s.url
	u.RawQuery = url.Values{"device": {id.String()}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, body, err := s.do(client, req)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusNotFound && !isWebPage(resp):
		return nil, nil
	case resp.StatusCode != http.StatusOK || isWebPage(resp):
		return nil, s.explainAnswer(resp)
	}
	var record discoveryRecord
	if err := json.Unmarshal(body, &record); err != nil {
		return nil, permanent("answered with something that is no list of addresses, is this really a discovery server?")
	}
	return record.Addresses, nil
}

// do makes a request, and returns the answer and its body; its connection is free again.
func (s *discoveryServer) do(client *http.Client, req *http.Request) (*http.Response, []byte, error) {
	req.Header.Set("User-Agent", s.agent)
	resp, body, err := fetch(client, req, maxDiscoveryAnswer)
	if errors.Is(err, errLongAnswer) {
		return nil, nil, permanent("%v, is this really a discovery server?", err)
	}
	return resp, body, err
}

// silent returns an error while the server wants to be left alone.
func (s *discoveryServer) silent(method string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.quiet[method]
	if wait := time.Until(q.until); wait > 0 {
		return &retryAfterError{q.err, wait}
	}
	return nil
}

// hush notes that the server wants to be left alone.
func (s *discoveryServer) hush(method string, wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet[method] = silence{time.Now().Add(wait), err}
}

// seconds reads a header that counts seconds, the only form that these servers send; 0 if it is missing or nonsense.
func seconds(s string) time.Duration {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, int(maxDiscoveryWait/time.Second))) * time.Second
}
