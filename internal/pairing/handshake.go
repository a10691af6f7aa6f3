package pairing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/flynn/noise"
)

// prologue binds the handshake to this protocol and its first version.
const prologue = "botsync/pair/1"

// handshakeSize is the length of both handshake messages: an ephemeral public
// key of 32 bytes and the tag of an empty payload.
const handshakeSize = 32 + tagSize

var suite = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashBLAKE2s)

// Handshake turns conn into an encrypted channel with whoever holds the same
// key, within [HandshakeTimeout]. The channel is made only if the counterpart is
// there now: the guest knows by the host's answer, the host by the guest's first
// frame, since a first message alone could be the replay of an old one. A host
// therefore waits until the guest runs its exchange on this very channel, and
// guests may race several connections and run only on the first.
//
// When Handshake fails, conn is closed, and the error is [ErrHandshake] if the
// other end is not a counterpart; anything else is the connection's or ctx's.
// When it succeeds, the caller runs the exchange on the channel or closes it.
//
// Closing conn must end its Reads and Writes and must not block for long.
func Handshake(ctx context.Context, conn net.Conn, psk PSK, side Side) (*Channel, error) {
	return handshake(ctx, conn, psk, side, nil)
}

// handshake is Handshake with a source of ephemeral keys, nil for crypto/rand.
func handshake(ctx context.Context, conn net.Conn, psk PSK, side Side, random io.Reader) (*Channel, error) {
	ch := &Channel{conn: conn, side: side, deadline: time.Now().Add(ExchangeTimeout)}
	ctx, cancel := context.WithTimeoutCause(ctx, HandshakeTimeout, timeout("handshake", HandshakeTimeout))
	defer cancel()
	stop := closeOnDone(ctx, conn)
	err := ch.shakeHands(psk, random)
	stop()
	if err == nil && ctx.Err() != nil {
		err = ctx.Err() // the connection is closed, or about to be
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("pairing handshake as %s: %w", side, explain(ctx, err))
	}
	return ch, nil
}

// shakeHands exchanges the two messages of the handshake and sets up ch.
func (ch *Channel) shakeHands(psk PSK, random io.Reader) error {
	if psk == (PSK{}) {
		return errors.New("the key is blank")
	}
	state, err := noise.NewHandshakeState(noise.Config{
		CipherSuite:           suite,
		Random:                random,
		Pattern:               noise.HandshakeNN,
		Initiator:             ch.side == GuestSide,
		Prologue:              []byte(prologue),
		PresharedKey:          psk[:],
		PresharedKeyPlacement: 0,
	})
	if err != nil {
		return err
	}
	switch ch.side {
	case GuestSide:
		if _, _, err := writeHandshake(ch.conn, state); err != nil {
			return err
		}
		ch.send, ch.receive, err = readHandshake(ch.conn, state)
		return err
	case HostSide:
		if _, _, err := readHandshake(ch.conn, state); err != nil {
			return err
		}
		// Noise returns the initiator's sending key first.
		if ch.receive, ch.send, err = writeHandshake(ch.conn, state); err != nil {
			return err
		}
		ch.first, err = ch.openFrame()
		return err
	default:
		return fmt.Errorf("no such side: %s", ch.side)
	}
}

// writeHandshake sends the next message. It returns the keys if it was the last.
func writeHandshake(w io.Writer, state *noise.HandshakeState) (initiator, responder *noise.CipherState, err error) {
	message, initiator, responder, err := state.WriteMessage(nil, nil)
	if err != nil {
		return nil, nil, err
	}
	_, err = w.Write(message)
	return initiator, responder, err
}

// readHandshake reads the next message. It returns the keys if it was the last.
func readHandshake(r io.Reader, state *noise.HandshakeState) (initiator, responder *noise.CipherState, err error) {
	var message [handshakeSize]byte
	if _, err := io.ReadFull(r, message[:]); err != nil {
		return nil, nil, err
	}
	// Every failure here is a wrong tag or a public key that no honest end picks.
	_, initiator, responder, err = state.ReadMessage(nil, message[:])
	if err != nil {
		return nil, nil, ErrHandshake
	}
	return initiator, responder, nil
}
