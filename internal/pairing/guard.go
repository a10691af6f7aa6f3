package pairing

import (
	"context"
	"fmt"
	"net"
	"time"
)

// closeOnDone closes conn as soon as ctx is done, which ends every Read and
// Write on it. The returned function ends the watch and waits for a close under
// way; it is called once.
func closeOnDone(ctx context.Context, conn net.Conn) (stop func()) {
	closed := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(closed)
		// The deadline first: closing may try to say goodbye, and a deadline in
		// the past ends that, too.
		_ = conn.SetDeadline(time.Unix(1, 0))
		_ = conn.Close()
	})
	return func() {
		if !cancel() {
			<-closed
		}
	}
}

// timeout is the cause of a context that this package limited.
func timeout(what string, d time.Duration) error {
	return fmt.Errorf("%s not finished within %v: %w", what, d, context.DeadlineExceeded)
}

// explain returns why I/O failed with err: if ctx is done, that is the reason,
// and err only says that the connection was closed.
func explain(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
