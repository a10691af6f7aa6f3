package daemon

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReachable(t *testing.T) {
	t.Parallel()
	given := []string{"tcp://10.0.0.5:22000", "quic://10.0.0.5:22000", "tcp://127.0.0.1:22000", "rubbish", "tcp://[fd00::5]:22000", "tcp://10.0.0.5:22000"}
	for name, test := range map[string]struct {
		from net.Addr
		want []string
	}{
		"through a relay": {nil,
			[]string{"tcp://10.0.0.5:22000", "quic://10.0.0.5:22000", "tcp://[fd00::5]:22000"}},
		"from the same machine": {&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1},
			[]string{"tcp://10.0.0.5:22000", "quic://10.0.0.5:22000", "tcp://127.0.0.1:22000", "tcp://[fd00::5]:22000"}},
		"from behind a router": {&net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 1},
			[]string{"tcp://198.51.100.7:22000", "tcp://10.0.0.5:22000", "quic://10.0.0.5:22000", "tcp://[fd00::5]:22000"}},
		"from the first address": {&net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 1},
			[]string{"tcp://10.0.0.5:22000", "quic://10.0.0.5:22000", "tcp://[fd00::5]:22000"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, reachable(given, test.from)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestWithoutLoopback(t *testing.T) {
	t.Parallel()
	got := withoutLoopback([]string{"tcp://127.0.0.1:1", "tcp://[::1]:1", "tcp://192.0.2.1:1", "relay://example.org:1"})
	if diff := cmp.Diff([]string{"tcp://192.0.2.1:1", "relay://example.org:1"}, got); diff != "" {
		t.Fatal(diff)
	}
}

// What a router mapped comes last in the engine's list, and must not fall victim
// to the bridges of containers.
func TestMostUseful(t *testing.T) {
	t.Parallel()
	few := []string{"tcp://10.0.0.5:1", "tcp://127.0.0.1:1", "tcp://192.0.2.1:2"}
	if diff := cmp.Diff(few, mostUseful(few, len(few))); diff != "" {
		t.Error(diff)
	}
	many := []string{"tcp://10.0.0.5:1", "tcp://172.17.0.1:1", "tcp://[2001:db8::1]:1", "tcp://127.0.0.1:1", "quic://10.0.0.5:1", "rubbish:// ",
		"tcp://192.0.2.1:2", "relay://example.org:3"}
	for limit, want := range map[int][]string{
		0: nil,
		3: {"tcp://[2001:db8::1]:1", "tcp://192.0.2.1:2", "relay://example.org:3"},
		5: {"tcp://10.0.0.5:1", "tcp://172.17.0.1:1", "tcp://[2001:db8::1]:1", "tcp://192.0.2.1:2", "relay://example.org:3"},
		6: {"tcp://10.0.0.5:1", "tcp://172.17.0.1:1", "tcp://[2001:db8::1]:1", "quic://10.0.0.5:1", "tcp://192.0.2.1:2", "relay://example.org:3"},
		7: {"tcp://10.0.0.5:1", "tcp://172.17.0.1:1", "tcp://[2001:db8::1]:1", "tcp://127.0.0.1:1", "quic://10.0.0.5:1", "tcp://192.0.2.1:2", "relay://example.org:3"},
	} {
		if diff := cmp.Diff(want, mostUseful(many, limit)); diff != "" {
			t.Errorf("of %d: %s", limit, diff)
		}
	}
}
