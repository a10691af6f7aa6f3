package relaytest

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/botsync/botsync/internal/relay"
)

// A tamperingStore joins hosts and guests with streams that change what they carry, in both directions.
type tamperingStore struct {
	relay.Store
	tamper func(relay.Stream) relay.Stream
}

func (s *tamperingStore) Join(ctx context.Context, label string) (relay.Stream, error) {
	stream, err := s.Store.Join(ctx, label)
	if err != nil {
		return nil, err
	}
	return s.tamper(stream), nil
}

var tampering = map[Behaviour]func(relay.Stream) relay.Stream{
	Flip: changing(func(_ int64, b []byte) [][]byte {
		b[len(b)/2] ^= 0x10
		return [][]byte{b}
	}),
	Drop: changing(func(n int64, b []byte) [][]byte {
		if n%2 == 1 {
			return nil
		}
		return [][]byte{b}
	}),
	Duplicate: changing(func(_ int64, b []byte) [][]byte { return [][]byte{b, b} }),
	Truncate:  changing(func(_ int64, b []byte) [][]byte { return [][]byte{b[:len(b)-1]} }),
	Delay: changing(func(_ int64, b []byte) [][]byte {
		time.Sleep(time.Second)
		return [][]byte{b}
	}),
	Flood: func(s relay.Stream) relay.Stream { return &flood{Stream: s, left: 1 << 30} },
	Mirror: func(s relay.Stream) relay.Stream {
		s.Close()
		return newMirror()
	},
}

// changing returns a tamper that passes every piece of both directions, numbered, through change.
func changing(change func(n int64, b []byte) [][]byte) func(relay.Stream) relay.Stream {
	return func(s relay.Stream) relay.Stream {
		return &changed{Stream: s, change: change}
	}
}

type changed struct {
	relay.Stream
	change       func(n int64, b []byte) [][]byte
	reads, wrote atomic.Int64
	rest         [][]byte // read, changed and not yet returned
}

func (c *changed) Write(b []byte) (int, error) {
	for _, piece := range c.change(c.wrote.Add(1)-1, append([]byte(nil), b...)) {
		if len(piece) == 0 {
			continue
		}
		if _, err := c.Stream.Write(piece); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (c *changed) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		buf := make([]byte, len(b))
		n, err := c.Stream.Read(buf)
		if err != nil {
			return 0, err
		}
		for _, piece := range c.change(c.reads.Add(1)-1, buf[:n]) {
			if len(piece) > 0 {
				c.rest = append(c.rest, piece)
			}
		}
	}
	n := copy(b, c.rest[0])
	if c.rest[0] = c.rest[0][n:]; len(c.rest[0]) == 0 {
		c.rest = c.rest[1:]
	}
	return n, nil
}

// A flood gives the guest noise without asking the host.
type flood struct {
	relay.Stream
	left int
}

func (f *flood) Read(b []byte) (int, error) {
	if f.left <= 0 {
		return f.Stream.Read(b)
	}
	n := min(len(b), f.left)
	rand.Read(b[:n])
	f.left -= n
	return n, nil
}

// A mirror returns what is written to it.
type mirror struct {
	io.Reader
	io.WriteCloser
}

func newMirror() relay.Stream {
	in, out := net.Pipe()
	return mirror{Reader: in, WriteCloser: out}
}
