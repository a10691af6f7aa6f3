package pairing

import (
	"context"
	"fmt"
)

// Host is the side that holds the invite. One Host can run any number of
// exchanges, one after the other or at once; to have one at a time for an invite,
// Welcome waits for its turn or refuses with [CodeBusy].
type Host struct {
	// Welcome returns what the guest gets, or an error to refuse it, usually a
	// [*RefusedError]. It is called once in an exchange, when the guest has proved
	// that it holds the code and has introduced itself, and must change nothing:
	// most exchanges that fail do so after it. Protocol is filled in.
	Welcome func(context.Context, Hello) (Welcome, error)
	// Accept makes the guest a device of the network and the invite used, both or
	// neither. It is called at most once in an exchange, when the guest has said
	// that it stored the welcome. The guest can lose the answer and be back with
	// the same device ID before the invite has ended.
	Accept func(context.Context, Hello, Welcome) error
}

// Run serves one guest on the channel, and closes it. The error is nil if and
// only if Accept was called and returned nil; whether the guest heard of it does
// not matter, since Accept is what counts.
//
// The error is a [*RefusedError] if the guest refused or a callback did, a
// [*ProtocolError] if the versions differ, a callback's own error, an
// [ErrHandshake] if someone on the way interfered, or the connection's or ctx's.
func (h Host) Run(ctx context.Context, ch *Channel) error {
	err := ch.exchange(ctx, HostSide, func(ctx context.Context) error {
		if err := h.serve(ctx, ch); err != nil {
			ch.refuse(ctx, err)
			return err
		}
		// The guest may be gone; it will find out when it tries again or when the
		// devices connect.
		_ = ch.write(ctx, messageDone, empty{})
		return nil
	})
	if err != nil {
		return fmt.Errorf("pairing as host: %w", err)
	}
	return nil
}

func (h Host) serve(ctx context.Context, ch *Channel) error {
	body, err := ch.read(ctx, messageHello)
	if err != nil {
		return err
	}
	hello, err := decodeHello(body)
	if err != nil {
		return err
	}
	welcome, err := h.welcome(ctx, hello)
	if err != nil {
		return fmt.Errorf("preparing the welcome: %w", callbackError(err))
	}
	if err := ch.write(ctx, messageWelcome, welcome); err != nil {
		return err
	}
	if body, err = ch.read(ctx, messageAck); err != nil {
		return err
	}
	if err := decodeEmpty(body); err != nil {
		return err
	}
	if err := h.Accept(ctx, hello, welcome); err != nil {
		return fmt.Errorf("accepting the guest: %w", callbackError(err))
	}
	return nil
}

// welcome asks the callback, and makes sure that the guest will not have to
// refuse what it gets.
func (h Host) welcome(ctx context.Context, hello Hello) (Welcome, error) {
	w, err := h.Welcome(ctx, hello)
	if err != nil {
		return Welcome{}, err
	}
	if w.Host == hello.Device.ID {
		return Welcome{}, &RefusedError{Code: CodeState,
			Message: "both sides have the same device ID: was one root copied from the other?"}
	}
	w.Protocol = Protocol
	return w, w.check(hello)
}
