package meeting

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// A relayTransport makes the one TCP connection of one request to a relay, and can cut it.
type relayTransport struct {
	client *http.Client

	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

func newRelayTransport(relay *url.URL) *relayTransport {
	t := &relayTransport{}
	dialer := &net.Dialer{Timeout: 8 * time.Second}
	t.client = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := dialer.DialContext(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return c, t.keep(c)
			},
			TLSHandshakeTimeout:    8 * time.Second,
			ResponseHeaderTimeout:  10 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
			DisableKeepAlives:      true,
			DisableCompression:     true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			// A relay may move its path, or move to https, but not hand its guests to somebody else.
			if req.URL.Hostname() != relay.Hostname() || req.URL.Scheme != "https" && relay.Scheme == "https" || len(via) > 3 {
				return &redirectError{to: req.URL.Scheme + "://" + req.URL.Host}
			}
			return nil
		},
	}
	return t
}

// keep remembers the newest connection; a redirect may have needed an earlier one, which the client closes.
func (t *relayTransport) keep(c net.Conn) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		c.Close()
		return net.ErrClosed
	}
	t.conn = c
	return nil
}

// close cuts the connection.
func (t *relayTransport) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.conn != nil {
		t.conn.Close()
	}
}

type redirectError struct{ to string }

func (e *redirectError) Error() string { return "redirected to " + e.to }
