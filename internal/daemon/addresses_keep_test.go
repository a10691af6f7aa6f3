package daemon

import (
	"testing"
	"time"
)

func TestWhenPeersAreToldOfMoves(t *testing.T) {
	t.Parallel()
	home, office := []string{"tcp://192.0.2.1:1", "quic://192.0.2.1:1"}, []string{"tcp://198.51.100.1:1"}
	var m moves
	now := time.Unix(1_800_000_000, 0)
	at := func(after time.Duration, here, published []string, want bool) {
		t.Helper()
		now = now.Add(after)
		if got := m.due(here, published, now); got != want {
			t.Fatalf("at %v, with %v told: %v", here, published, got)
		}
	}
	at(0, home, home, false)
	at(time.Hour, home, home, false) // nothing is new
	at(0, office, home, false)
	at(addressesSettle/2, home, home, false) // back again
	at(time.Second, office, home, false)
	at(addressesSettle-1, office, home, false)
	at(1, office, home, true)
	at(time.Second, office, office, false)
	at(time.Second, nil, office, false) // offline
	at(time.Second, home, office, false)
	at(addressesSettle, home, office, false) // too soon after the last time
	at(addressesPause, home, office, true)
	at(time.Hour, home[:1], home, false) // one of two is gone
	at(time.Second, home[:1], append(office, home...), false)
	at(addressesSettle, home[:1], append(office, home...), true) // most of what was told is gone
}
