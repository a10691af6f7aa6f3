// Package meeting gets two devices that share only a code into one connection, for the length of a pairing.
//
// There are several ways to meet, and all of them are tried at the same time: the lan way finds the other side
// by multicast and broadcast on every local network, the relay way through a small server that both can
// reach. Host keeps every way open until it is told to stop, Dial looks on every way at once. The
// connections they hand out are raw: who is at the other end is anyone's guess until the pairing handshake is
// done, so both are built to be handed liars, garbage and crowds, and to find the right one among them.
//
// docs/meeting.md describes what goes over the wire.
package meeting

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
)

// A Label names a meeting: 64 lower-case hexadecimal digits, derived from a code by a one-way function. It is no
// secret; whoever sees it can only guess at the code.
type Label string

// ParseLabel checks that s is a label.
func ParseLabel(s string) (Label, error) {
	if _, ok := Label(s).bytes(); !ok {
		return "", errMalformed
	}
	return Label(s), nil
}

var errMalformed = errors.New("a label is 64 lower-case hexadecimal digits")

func (l Label) bytes() (b [32]byte, ok bool) {
	n, err := hex.Decode(b[:], []byte(l[:min(len(l), 64)]))
	return b, err == nil && n == 32 && hex.EncodeToString(b[:]) == string(l)
}

// A Place is where host and guest of one code meet.
type Place struct {
	Label Label
	// Secret is what the label was derived from. The lan way proves with it that a host's address is no lie. Like the code
	// itself, it is not to be told to anyone.
	Secret [32]byte
}

// A Way is one means by which host and guest can meet. A Way may be used by several Hosts and Dials at once.
type Way interface {
	// Name is the word for the way: "lan", "relay".
	Name() string

	// Target says what the way goes through, for messages: a relay's URL. It may be empty.
	Target() string

	// Host waits at place until ctx ends or the way fails, and returns why. It calls open when guests can find
	// it, and again when that changed; the error says what does not work as it should, or is nil. It hands
	// every connection of a possible guest to accept, which takes it over; accept may block for a moment while
	// there is a crowd. All goroutines of the way have ended when Host returns.
	Host(ctx context.Context, place Place, open func(degraded error), accept func(net.Conn)) error

	// Dial looks for a host at place until ctx ends, at most. Every connection to a possible host is offered.
	// offer takes it over, and blocks until it is known to be the wrong one, or until somebody has won.
	// Several may be offered at once. The way may end the ctx of an offer to give a connection up in favour
	// of others; it must not do so because the look-up is over, so that what was found last can still win.
	//
	// Dial returns nil when it could look, whatever it found, and an error when it could not.
	Dial(ctx context.Context, place Place, offer func(ctx context.Context, conn net.Conn)) error
}

// Authenticated tells the Host that handed out conn that its peer has proved to know the code. Until then it may
// be closed in favour of newer connections when there are too many. It returns false if that has just
// happened, so that there is no use in going on. Of other connections it returns true.
func Authenticated(conn net.Conn) bool {
	c, ok := conn.(*hostConn)
	return !ok || c.seat.Leave()
}
