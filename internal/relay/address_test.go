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

// However an address is written, it is one and the same: with a port, in brackets, as
// IPv4 in IPv6, with a zone. What is none is on no account.
func FuzzParseHost(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1%eth0]:7", "[::ffff:192.0.2.1]:80", "::ffff:192.0.2.1", "fe80::1%eth0", "unknown", "", ":80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		addr := parseHost(s)
		if !addr.IsValid() {
			if p := account(addr); p.IsValid() {
				t.Fatalf("%q is no address, and on the account of %v", s, p)
			}
			return
		}
		if addr.Zone() != "" || addr.Is4In6() {
			t.Fatalf("%q is %v", s, addr)
		}
		for _, same := range []string{addr.String(), "[" + addr.String() + "]", netip.AddrPortFrom(addr, 80).String(), netip.AddrFrom16(addr.As16()).String()} {
			if got := parseHost(same); got != addr {
				t.Fatalf("%q is %v, and %q is %v", s, addr, same, got)
			}
		}
		if !account(addr).Contains(addr) {
			t.Fatalf("%v is not on the account of %v", addr, account(addr))
		}
	})
}
