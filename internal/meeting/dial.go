package meeting

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	// defaultRound is how long a guest looks before it says that nobody is there. The lan way announces itself
	// every few seconds, so that even a guest whose questions are lost hears of a host in this time.
	defaultRound = 10 * time.Second
	// lastTry is how long an attempt that is under way when the round ends may still take.
	lastTry = 3 * time.Second
)

// DialOptions are what a Dial may be told. The zero value is fine.
type DialOptions struct {
	// Round is how long to look before giving up; 0 stands for 10 seconds.
	Round time.Duration
}

// Dial looks for the host at place, on all ways at once, and hands every connection that may lead to it to try,
// several at a time and each in a goroutine of its own. try finds out who is there. The first that returns
// no error has won: its result is returned, with the name of its way, and its connection is now the
// caller's. All other connections are closed, and their tries have returned, before Dial does; the ctx
// that try gets ends then, too, so that it must not be kept for the use of the connection.
//
// The error is a *NobodyError if there was nobody, an *UnreachableError if some way could not be used, so that
// one cannot say, or wraps the cause of ctx's end.
func Dial[T any](ctx context.Context, ways []Way, place Place, opts DialOptions,
	try func(ctx context.Context, way string, conn net.Conn) (T, error)) (T, string, error) {
	d := &dialling[T]{try: try}
	if err := check(ways, place); err != nil {
		return d.result, "", err
	}
	round := opts.Round
	if round <= 0 {
		round = defaultRound
	}
	// Trying goes on for a little longer than looking; winning ends both.
	trying, cancel := context.WithTimeout(ctx, round+lastTry)
	defer cancel()
	looking, stopLooking := context.WithTimeout(trying, round)
	defer stopLooking()
	d.trying, d.end = trying, cancel

	failures := make([]error, len(ways))
	var running sync.WaitGroup
	for i, way := range ways {
		running.Go(func() {
			failures[i] = way.Dial(looking, place, func(ctx context.Context, conn net.Conn) {
				d.offer(ctx, way.Name(), conn)
			})
		})
	}
	running.Wait()

	// From here on nobody else uses d.
	if d.won {
		return d.result, d.way, nil
	}
	return d.result, "", d.failure(ctx, ways, failures)
}

type dialling[T any] struct {
	try    func(ctx context.Context, way string, conn net.Conn) (T, error)
	trying context.Context
	end    context.CancelFunc

	mu        sync.Mutex
	won       bool
	result    T
	way       string
	strangers int
	last      error
}

// offer tries one connection. It is given up when ctx or the trying as a whole ends, or when somebody wins.
func (d *dialling[T]) offer(ctx context.Context, way string, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.trying, cancel)()
	stop := context.AfterFunc(ctx, func() { conn.Close() })

	result, err := d.try(ctx, way, conn)

	d.mu.Lock()
	defer d.mu.Unlock()
	// If stop comes too late, the connection has been closed, or is about to be.
	if err == nil && !stop() {
		err = context.Cause(ctx)
	}
	switch {
	case d.won:
		conn.Close()
	case err != nil:
		conn.Close()
		d.strangers++
		d.last = err
	default:
		d.won, d.result, d.way = true, result, way
		d.end()
	}
}

func (d *dialling[T]) failure(ctx context.Context, ways []Way, failures []error) error {
	var looked []string
	var failed []WayError
	for i, way := range ways {
		if failures[i] == nil {
			looked = append(looked, way.Name())
		} else {
			failed = append(failed, WayError{way.Name(), way.Target(), failures[i]})
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("looking for the host by %s: %w", tried(ways), context.Cause(ctx))
	}
	if len(failed) > 0 {
		return &UnreachableError{Failures: failed, Looked: looked}
	}
	return &NobodyError{Ways: looked, Strangers: d.strangers, Last: d.last}
}

func tried(ways []Way) string {
	var names []string
	for _, way := range ways {
		name := way.Name()
		if t := way.Target(); t != "" {
			name += " " + t
		}
		names = append(names, name)
	}
	return strings.Join(names, " and ")
}
