package daemon

import (
	"testing"
	"time"
)

// A peer that ends every connection at once is one that refuses this device. That
// is told once or twice, and no more; when it accepts, that is told again.
func TestPeersThatRefuse(t *testing.T) {
	t.Parallel()
	p := newPeerWatch()
	told := 0
	for range 10 * maxRefused {
		if p.connect("x") {
			told++
		}
		if p.disconnect("x") {
			told++
		}
	}
	if told != 2*maxRefused || !p.refuses("x", 0) || p.refuses("y", 0) {
		t.Fatalf("told %d times; refuses: %v", told, p.refuses("x", 0))
	}
	if p.refuses("x", time.Hour) {
		t.Fatal("it has refused for an hour")
	}
	if p.connect("x") || !p.accept("x") || p.accept("x") || p.refuses("x", 0) {
		t.Fatal("it is not told that it accepts now")
	}
	if !p.disconnect("x") || p.refuses("x", 0) || !p.connect("x") || p.accept("x") {
		t.Fatal("it is still taken for one that refuses")
	}
}
