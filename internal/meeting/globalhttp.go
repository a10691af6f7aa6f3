package meeting

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// httpTimeout bounds connecting to a discovery server or pool, and again the TLS handshake.
const httpTimeout = 8 * time.Second

// newHTTPClient returns a client for the servers of the global way: it follows no redirect, and asks for no compression,
// so that an answer is no larger than what was sent.
func newHTTPClient(cfg *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: httpTimeout}).DialContext,
			TLSClientConfig:        cfg,
			TLSHandshakeTimeout:    httpTimeout,
			MaxResponseHeaderBytes: 16 << 10,
			MaxConnsPerHost:        2,
			IdleConnTimeout:        15 * time.Second,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var errLongAnswer = errors.New("answered with more than")

// fetch makes a request, and returns the answer and its body, which is errLongAnswer if it is longer than limit bytes. The
// connection is free again.
func fetch(client *http.Client, req *http.Request, limit int64) (*http.Response, []byte, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, explainDiscovery(err, time.Now())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, nil, explainDiscovery(err, time.Now())
	}
	if int64(len(body)) > limit {
		return nil, nil, fmt.Errorf("%w %d KiB", errLongAnswer, limit>>10)
	}
	return resp, body, nil
}

// parseServerURL reads the URL of a discovery server, a relay of Syncthing or a pool as far as they have things in common.
func parseServerURL(raw string) (*url.URL, error) {
	if len(raw) > maxGlobalAddress {
		return nil, fmt.Errorf("it is longer than %d bytes", maxGlobalAddress)
	}
	u, err := url.Parse(raw)
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err // the rest repeats the URL
	}
	return u, err
}

// named says whose problem err is, unless that is all that the way goes through and so said already.
func named(name, target string, err error) error {
	if name == target {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}
