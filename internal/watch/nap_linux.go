package watch

import (
	"time"

	"golang.org/x/sys/unix"
)

// nap sleeps for less than a millisecond. Go's timers take a whole one when the
// program has nothing else to do: they are epoll_wait's, which counts milliseconds.
func nap(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil) // a signal that ends it early does no harm, since the clock is asked again
}
