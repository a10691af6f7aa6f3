package relay

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// Whoever does not come through a proxy of ours is on his own account, whatever he
// says; and an account is never that of a proxy if another address is given.
func FuzzClientOf(f *testing.F) {
	f.Add("192.0.2.1:80", "198.51.100.1, 10.0.0.7")
	f.Add("10.0.0.1:80", "198.51.100.1, 10.0.0.7,")
	f.Add("[fd00::1]:80", "[2001:db8::1%eth0]:7")
	f.Add("", "unknown")
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		alone := clientOf(r, trusted)
		r.Header = http.Header{"X-Forwarded-For": {forwarded}}
		got := clientOf(r, trusted)
		if !contains(trusted, parseHost(remote)) && got != alone {
			t.Fatalf("%q says that it is %q, and is believed: %v", remote, forwarded, got)
		}
		if bits := got.Bits(); got.IsValid() && bits != 32 && bits != 64 {
			t.Fatalf("an account of %v", got)
		}
	})
}
