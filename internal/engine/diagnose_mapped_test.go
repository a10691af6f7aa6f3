package engine

import (
	"slices"
	"testing"
)

// Of the addresses of a listener those are told that a router leads here: whole, if
// it has said what its own address is.
func TestMapped(t *testing.T) {
	t.Parallel()
	const own = "tcp://0.0.0.0:22010"
	for name, c := range map[string]struct{ addresses, want []string }{
		"none": {[]string{"tcp://0.0.0.0:0", own}, nil},
		"one":  {[]string{"tcp://0.0.0.0:0", own, "tcp://198.51.100.7:31234", "tcp://0.0.0.0:31234"}, []string{"tcp://198.51.100.7:31234"}},
		"a router that does not know its address": {[]string{own, "tcp://0.0.0.0:31234"}, []string{"tcp://0.0.0.0:31234"}},
		"two":             {[]string{own, "tcp://198.51.100.9:2", "tcp://0.0.0.0:2", "tcp://198.51.100.7:1", "tcp://0.0.0.0:1"}, []string{"tcp://198.51.100.7:1", "tcp://198.51.100.9:2"}},
		"a hole for IPv6": {[]string{own, "tcp://[2001:db8::1]:22010", own}, []string{"tcp://[2001:db8::1]:22010"}},
		"nonsense":        {[]string{"%", own}, nil},
	} {
		if got := mapped(own, c.addresses); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
