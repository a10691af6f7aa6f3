package pairing

import (
	"context"
	"errors"
	"fmt"
)

// Guest is the side that was given a code. One Guest can run several exchanges.
type Guest struct {
	// Device is this device, as the host is told.
	Device Device
	// Store makes the welcome last, so that this device is in the network if the
	// host accepts it and can tell that it is not if the host does not. It is
	// called at most once an exchange and is the last moment to refuse. It must
	// be safe to repeat: the exchange after a lost Ack brings the same again.
	Store func(context.Context, Welcome) error
}

// Run joins through the channel, and closes it. If the error is nil, the host has
// accepted this device and says so.
//
// Otherwise the error is an [*UncertainError] if Store has succeeded. Before
// that, nothing is left behind on either side and it is a [*RefusedError] if the
// host refused, a [*ProtocolError] if the versions differ, Store's error, an
// [ErrHandshake] if someone on the way interfered, or the connection's or ctx's.
func (g Guest) Run(ctx context.Context, ch *Channel) (Welcome, error) {
	var w Welcome
	err := ch.exchange(ctx, GuestSide, func(ctx context.Context) (err error) {
		if w, err = g.ask(ctx, ch); err != nil {
			ch.refuse(ctx, err)
			return err
		}
		if err := g.confirm(ctx, ch); err != nil {
			return &UncertainError{Err: err}
		}
		return nil
	})
	if err != nil {
		return Welcome{}, fmt.Errorf("pairing as guest: %w", err)
	}
	return w, nil
}

// ask gets the welcome and has it stored.
func (g Guest) ask(ctx context.Context, ch *Channel) (Welcome, error) {
	hello := Hello{Protocol: Protocol, Device: g.Device}
	if err := hello.check(); err != nil {
		return Welcome{}, fmt.Errorf("describing this device: %w", err)
	}
	if err := ch.write(ctx, messageHello, hello); err != nil {
		return Welcome{}, err
	}
	body, err := ch.read(ctx, messageWelcome)
	if err != nil {
		return Welcome{}, err
	}
	w, err := decodeWelcome(body, hello)
	if err != nil {
		return Welcome{}, err
	}
	if err := g.Store(ctx, w); err != nil {
		return Welcome{}, fmt.Errorf("storing the welcome: %w", callbackError(err))
	}
	return w, nil
}

// confirm acknowledges the welcome and waits for the host to say that it
// accepted. A closed connection is not enough: anyone on the way can close it.
func (g Guest) confirm(ctx context.Context, ch *Channel) error {
	if err := ch.write(ctx, messageAck, empty{}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, ConfirmTimeout, timeout("confirmation", ConfirmTimeout))
	defer cancel()
	defer closeOnDone(ctx, ch.conn)()
	body, err := ch.read(ctx, messageDone)
	if err != nil {
		return err
	}
	return decodeEmpty(body)
}

// callbackError makes an error of a callback one that the other side can be told
// of: without its text, unless the callback has chosen what to say.
func callbackError(err error) error {
	if _, ok := errors.AsType[*RefusedError](err); ok {
		return err
	}
	return &internalError{err: err}
}
