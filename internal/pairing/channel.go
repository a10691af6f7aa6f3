package pairing

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/flynn/noise"
)

// Channel is an encrypted connection to a counterpart that holds the same code.
// What arrives through it is exactly what the counterpart sent, in order, up to
// the point where the channel breaks. It serves one exchange and is not safe for
// concurrent use, except for Close.
type Channel struct {
	conn     net.Conn
	side     Side
	deadline time.Time // of the whole exchange

	send, receive *noise.CipherState
	first         []byte // the text of the frame that completed a host's handshake
}

// Side returns the side that this end of the channel is on.
func (ch *Channel) Side() Side { return ch.side }

// Close closes the connection. The exchange closes it, too; closing it more than
// once does no harm.
func (ch *Channel) Close() error { return ch.conn.Close() }

// openFrame reads and decrypts the next frame. The counter in the nonce makes
// Noise fail for every frame but the one that was sent next.
func (ch *Channel) openFrame() ([]byte, error) {
	if text := ch.first; text != nil {
		ch.first = nil
		return text, nil
	}
	frame, err := readFrame(ch.conn)
	if err != nil {
		return nil, err
	}
	text, err := ch.receive.Decrypt(frame[:0], nil, frame)
	if err != nil {
		return nil, ErrHandshake
	}
	return text, nil
}

// write encrypts a message and sends it.
func (ch *Channel) write(ctx context.Context, typ messageType, message any) error {
	body, err := encode(typ, message)
	if err != nil {
		return &internalError{err: fmt.Errorf("writing %s: %w", typ, err)}
	}
	for _, text := range frameTexts(typ, body) {
		frame, err := ch.send.Encrypt(make([]byte, lengthSize, lengthSize+len(text)+tagSize), nil, text)
		if err != nil {
			return fmt.Errorf("encrypting %s: %w", typ, err)
		}
		binary.BigEndian.PutUint16(frame, uint16(len(frame)-lengthSize))
		if _, err := ch.conn.Write(frame); err != nil {
			return fmt.Errorf("writing %s: %w", typ, explain(ctx, err))
		}
	}
	return nil
}

// read returns the body of the next message, which must be of the type wanted.
// If it is a refusal instead, that is the error.
func (ch *Channel) read(ctx context.Context, want messageType) (json.RawMessage, error) {
	typ, body, err := readMessage(ch.openFrame, func(typ messageType) (int, error) {
		if typ != want && typ != messageError {
			return 0, invalid("%s instead of %s", typ, want)
		}
		return typ.limit(), nil
	})
	if err == nil && typ == messageError {
		return nil, ch.refusal(body)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the other side closed the connection: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", want, explain(ctx, err))
	}
	return body, nil
}

// refusal returns the error that the other side's Error stands for.
func (ch *Channel) refusal(body []byte) error {
	e, err := decodeError(body)
	if err != nil {
		return fmt.Errorf("reading %s: %w", messageError, err)
	}
	if e.Code == CodeProtocol && e.Protocol > 0 && e.Protocol != Protocol {
		return &ProtocolError{Side: ch.side, Ours: Protocol, Theirs: e.Protocol}
	}
	return &RefusedError{Code: e.Code, Message: e.Message, Remote: true}
}

// refuse tells the other side why this one stops, if cause is anything that it
// can be told. Nobody is worse off if it does not arrive.
func (ch *Channel) refuse(ctx context.Context, cause error) {
	e, ok := refusalFor(cause)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, refuseTimeout)
	defer cancel()
	defer closeOnDone(ctx, ch.conn)()
	_ = ch.write(ctx, messageError, e)
}

// exchange runs f on the channel within ctx and the time that is left, and
// closes the channel.
func (ch *Channel) exchange(ctx context.Context, side Side, f func(context.Context) error) error {
	defer ch.conn.Close()
	if ch.side != side {
		return fmt.Errorf("running a %s on the channel of a %s", side, ch.side)
	}
	ctx, cancel := context.WithDeadlineCause(ctx, ch.deadline, timeout("pairing", ExchangeTimeout))
	defer cancel()
	defer closeOnDone(ctx, ch.conn)()
	return f(ctx)
}
