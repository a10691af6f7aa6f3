package meeting

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answering is a transport that answers every request with the same bytes.
type answering []byte

func (a answering) RoundTrip(req *http.Request) (*http.Response, error) {
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(a)), req)
}

// Whatever a discovery server or what is in its place answers: it knows the device, does
// not, or there is an error that can be shown; and it makes nobody wait for ever.
func FuzzDiscoveryAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n{\"addresses\":[\"tcp://192.0.2.1:22000\",7]}",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>log in</html>",
		"HTTP/1.1 404 Not Found\r\n\r\n",
		"HTTP/1.1 429 Slow\x1b[2J\r\nRetry-After: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 503 x\r\nRetry-After: -1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
		"HTTP/1.1 301 Moved\r\nLocation: http://\x1b]0;x\x07/\r\n\r\n",
		"{\"addresses\":null}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		s, err := newDiscoveryServer("https://discovery.example.org/", "agent")
		if err != nil {
			t.Fatal(err)
		}
		addresses, err := s.lookup(t.Context(), &http.Client{Transport: answering(answer)}, deviceID{1})
		if err != nil && (len(addresses) > 0 || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f })) {
			t.Fatalf("%q, %q", addresses, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for method, q := range s.quiet {
			if time.Until(q.until) > maxDiscoveryWait {
				t.Fatalf("%s has to wait until %v", method, q.until)
			}
		}
	})
}

// A wish to be left alone is one of seconds, within limits.
func FuzzWaits(f *testing.F) {
	for _, seed := range []string{"", "0", "5", "-1", "9223372036854775807", "99999999999999999999", "1e3", "Wed, 21 Oct 2026 07:28:00 GMT", " 7"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got := seconds(value); got < 0 || got > maxDiscoveryWait {
			t.Errorf("a discovery server has us wait for %v", got)
		}
		if got := retryAfter(http.Header{"Retry-After": {value}}); got < 0 || got > maxRetryAfter {
			t.Errorf("a relay has us wait for %v", got)
		}
	})
}
