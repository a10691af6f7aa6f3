// Package relaytest runs relays inside a test: good ones, and hostile ones of every kind.
package relaytest

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/botsync/botsync/internal/relay"
)

// A Relay is a relay on a port of the loopback interface. It ends with its test.
type Relay struct {
	// URL is where it is: http://127.0.0.1:PORT.
	URL string

	t     testing.TB
	addr  string
	serve func(ctx context.Context, ln net.Listener) error

	mu    sync.Mutex
	relay *relay.Server // nil for one that is no relay
	stop  func()
}

// New starts a relay with the default limits.
func New(t testing.TB) *Relay { return NewWith(t, relay.Config{}) }

// NewWith starts a relay with other limits.
func NewWith(t testing.TB, cfg relay.Config) *Relay {
	r := &Relay{t: t}
	r.serve = func(ctx context.Context, ln net.Listener) error {
		s := relay.New(cfg)
		r.mu.Lock()
		r.relay = s
		r.mu.Unlock()
		return s.Serve(ctx, ln)
	}
	r.addr = "127.0.0.1:0"
	r.Start()
	r.URL = "http://" + r.addr
	t.Cleanup(r.Close)
	return r
}

// Start starts a relay that was closed, at the same address.
func (r *Relay) Start() {
	r.t.Helper()
	ln, err := net.Listen("tcp", r.addr)
	if err != nil {
		r.t.Fatalf("starting a relay: %v", err)
	}
	r.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.serve(ctx, ln) }()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("relay: %v", err)
		}
	})
}

// Close stops the relay, as SIGTERM would, and returns when it has ended. A second call does nothing.
func (r *Relay) Close() {
	r.mu.Lock()
	stop := r.stop
	r.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// Stats returns the counts of the relay since it was started.
func (r *Relay) Stats() relay.Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.relay == nil {
		return relay.Stats{}
	}
	return r.relay.Stats()
}
