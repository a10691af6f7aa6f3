package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var label = strings.Repeat("0123456789abcdef", 4)

func FuzzParseMeet(f *testing.F) {
	f.Add("GET", label, "as=host", "Upgrade", "websocket", int64(0))
	f.Add("GET", label, "as=guest", "keep-alive, upgrade", "WebSocket", int64(0))
	f.Add("POST", "x", "as=guest&as=host", "", "", int64(-1))
	f.Fuzz(func(t *testing.T, method, label, query, connection, upgrade string, length int64) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.URL.RawQuery, r.ContentLength = method, query, length
		r.Header = http.Header{"Connection": {connection}, "Upgrade": {upgrade}}
		as, no := parseMeet(label, r)
		if no != nil {
			if no.status < 400 || no.status > 499 || no.reason == "" {
				t.Fatalf("refused with %+v", no)
			}
			return
		}
		if as != roleHost && as != roleGuest || query != "as="+string(as) || len(label) != 64 ||
			strings.Trim(label, "0123456789abcdef") != "" || method != "GET" || length != 0 {
			t.Fatalf("accepted %q %q %q %d as %q", method, label, query, length, as)
		}
	})
}

func TestClientOf(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, tt := range []struct {
		remote    string
		forwarded []string
		trusted   []netip.Prefix
		want      string
	}{
		{"192.0.2.1:99", nil, nil, "192.0.2.1/32"},
		{"[2001:db8:1:2:3:4:5:6]:99", nil, nil, "2001:db8:1:2::/64"},
		{"[::ffff:192.0.2.1]:99", nil, nil, "192.0.2.1/32"},
		{"[fe80::1%eth0]:99", nil, nil, "fe80::/64"},
		{"192.0.2.1:99", []string{"198.51.100.7"}, nil, "192.0.2.1/32"},
		{"192.0.2.1:99", []string{"198.51.100.7"}, trusted, "192.0.2.1/32"},
		{"10.1.1.1:99", []string{"198.51.100.7"}, nil, "10.1.1.1/32"},
		{"10.1.1.1:99", []string{"198.51.100.7"}, trusted, "198.51.100.7/32"},
		{"10.1.1.1:99", []string{"203.0.113.66, 198.51.100.7, 10.2.2.2"}, trusted, "198.51.100.7/32"},
		{"10.1.1.1:99", []string{"203.0.113.66", "198.51.100.7:4711"}, trusted, "198.51.100.7/32"},
		{"[fd00::1]:99", []string{"[2001:db8::7]:4711"}, trusted, "2001:db8::/64"},
		{"10.1.1.1:99", []string{"nonsense"}, trusted, "10.1.1.1/32"},
		{"10.1.1.1:99", []string{"203.0.113.66, nonsense, 10.2.2.2"}, trusted, "10.2.2.2/32"},
		{"10.1.1.1:99", nil, trusted, "10.1.1.1/32"},
	} {
		r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{"X-Forwarded-For": tt.forwarded}}
		if got := clientOf(r, tt.trusted).String(); got != tt.want {
			t.Errorf("clientOf(%s, %q) = %s, want %s", tt.remote, tt.forwarded, got, tt.want)
		}
	}
}

func TestMemoryForgetsOldestUsedLabels(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	m := NewMemory(2)
	for i := range 3 {
		l := fmt.Sprint(i)
		if _, err := m.Open(ctx, l, time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Join(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	var got []error
	for i := range 3 {
		_, err := m.Join(ctx, fmt.Sprint(i))
		got = append(got, err)
	}
	want := []error{ErrNoHost, ErrUsed, ErrUsed}
	if !cmp.Equal(got, want, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })) {
		t.Errorf("late guests were told %v, want %v", got, want)
	}
}

// A host that leaves at the moment in which a guest comes must not leave the guest waiting.
func TestMemoryGuestOfALeavingHost(t *testing.T) {
	t.Parallel()
	m := NewMemory(2)
	seat, err := m.Open(t.Context(), label, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := m.Join(t.Context(), label)
	if err != nil {
		t.Fatal(err)
	}
	seat.Close()
	if _, err := stream.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("reading from a host that has left: %v, want EOF", err)
	}
	seat, err = m.Open(t.Context(), label, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := seat.Guest(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a guest after the end: %v", err)
	}
}

func TestThrottleStaysSmall(t *testing.T) {
	t.Parallel()
	th := newThrottle(1, 1)
	addr := netip.MustParseAddr("10.0.0.0")
	refused := 0
	for range 2 * maxBuckets {
		if ok, retry := th.allow(account(addr)); !ok {
			refused++
			if retry < 1 {
				t.Fatalf("refused with a retry after %d s", retry)
			}
		}
		addr = addr.Next()
	}
	if len(th.buckets) > maxBuckets {
		t.Errorf("%d buckets, more than %d", len(th.buckets), maxBuckets)
	}
	if refused == 0 {
		t.Error("a flood from ever new addresses was never refused")
	}
}
