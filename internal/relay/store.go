package relay

import (
	"context"
	"errors"
	"io"
	"time"
)

// What a Store answers when it cannot do what it is asked.
var (
	ErrTaken  = errors.New("another host is waiting under this label")
	ErrNoHost = errors.New("no host is waiting under this label")
	ErrUsed   = errors.New("a guest has already come under this label")
)

// A Store knows which labels have a host waiting, and joins a guest to it.
//
// Host and guest each talk to their own relay instance and get one end of a stream from the store, so a
// store that several instances share can join a host that is connected to one with a guest on another.
type Store interface {
	// Open announces a host under label. It returns ErrTaken if another one is waiting there. A label that
	// was used may be opened again. The seat is the caller's to close.
	//
	// The label is forgotten when the seat is closed without a guest, and in any case after lifetime.
	Open(ctx context.Context, label string, lifetime time.Duration) (Seat, error)

	// Join takes the host that waits under label and returns the stream to it. It returns ErrNoHost or
	// ErrUsed if there is none. The stream is the caller's to close.
	Join(ctx context.Context, label string) (Stream, error)
}

// A Seat is a host that waits.
type Seat interface {
	// Guest waits until a guest has joined, and returns the stream to it, which is the caller's to close.
	Guest(ctx context.Context) (Stream, error)
	// Close gives the seat up if no guest has been returned; after that it does nothing.
	Close() error
}

// A Stream carries bytes between a host and its guest, unbuffered: what was written is with the
// other side's reader when Write returns. Closing it ends both sides: reads there return io.EOF.
type Stream = io.ReadWriteCloser
