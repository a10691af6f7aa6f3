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

// A peer whose connection has just ended is about to be back, for a moment; not one
// that ends every connection.
func TestPeersThatAreAboutToBeBack(t *testing.T) {
	t.Parallel()
	p := newPeerWatch()
	lately := func() bool { return p.lostLately("x", time.Now()) }
	if lately() {
		t.Error("it was never there")
	}
	p.connect("x")
	p.accept("x")
	if !lately() {
		t.Error("nobody has said yet that the connection has ended")
	}
	p.disconnect("x")
	if !lately() || p.lostLately("x", time.Now().Add(comeBack)) {
		t.Error("just after the end of the connection, and later")
	}
	p.connect("x")
	if !lately() {
		t.Error("it has not accepted yet")
	}
	p.accept("x")
	for range maxRefused + 1 {
		p.disconnect("x")
		p.connect("x")
	}
	if p.disconnect("x"); lately() {
		t.Error("it refuses")
	}
}

// A peer that does not let this device in any more, after it did.
func TestPeersThatTurnAway(t *testing.T) {
	t.Parallel()
	p := newPeerWatch()
	later := func() bool { return p.turnsAway("x", time.Now().Add(turnsAwayFor)) }
	p.connect("x")
	p.accept("x")
	p.disconnect("x")
	if later() {
		t.Error("it may be back")
	}
	p.connect("x")
	if later() {
		t.Error("it may accept yet")
	}
	p.disconnect("x")
	if p.turnsAway("x", time.Now()) || !later() {
		t.Error("it has ended the next connection")
	}
	p.connect("x")
	p.accept("x")
	p.disconnect("x")
	if later() {
		t.Error("it has accepted since")
	}
}
