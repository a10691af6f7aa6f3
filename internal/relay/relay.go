// Package relay is the pairing relay: a small HTTP server on which two devices that share a label find each
// other for the length of a pairing.
//
// A host asks for GET /v1/meet/{label}?as=host, upgraded to a WebSocket, and waits; a guest asks for the
// same with as=guest and is joined to it. From then on the relay copies binary messages from one to the other,
// as a stream of bytes, until either leaves. It sees labels, addresses, sizes and times; the bytes are
// encrypted with a key that it cannot know. docs/meeting.md has the contract and all limits.
package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/botsync/botsync/internal/meeting/crowd"
)

// Header is on every answer to a request for a meeting. By it a client tells a relay that knows of no host from
// some other web server that knows of no such page.
const Header = "Botsync-Relay"

// pendingGrace is how long a connection may take to send its request, however crowded the relay is. A client
// sends it together with the packet that completes the connection. Under attack, MaxPending connections
// are accepted in this time.
const pendingGrace = 100 * time.Millisecond

// A Server is one relay. Make it with New.
type Server struct {
	cfg      Config
	throttle *throttle
	hosts    *counter
	guests   *counter
	pending  *crowd.Crowd[netip.Prefix]

	stopping context.Context // ended when hosts must stop waiting
	stop     context.CancelFunc
	cutting  context.Context // ended when everything must end
	cut      context.CancelFunc
	sessions sync.WaitGroup

	meetings atomic.Int64
	refused  atomic.Int64
}

// New returns a relay with the limits of cfg.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg:      cfg,
		throttle: newThrottle(cfg.RequestRate, cfg.RequestBurst),
		hosts:    newCounter(cfg.MaxMeetings, cfg.MaxMeetingsPerAddress),
		guests:   newCounter(cfg.MaxMeetings, cfg.MaxMeetingsPerAddress),
		pending:  crowd.New[netip.Prefix](cfg.MaxPending, pendingGrace),
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.cutting, s.cut = context.WithCancel(context.Background())
	return s
}

// Stats are counts of what a relay does and did.
type Stats struct {
	Hosts    int   // connected now, waiting or joined
	Guests   int   // connected now
	Pending  int   // connections that are not part of a meeting
	Meetings int64 // guests joined to a host so far
	Refused  int64 // requests for a meeting that were answered with an error so far
}

// Stats returns the present counts.
func (s *Server) Stats() Stats {
	return Stats{s.hosts.len(), s.guests.len(), s.pending.Len(), s.meetings.Load(), s.refused.Load()}
}

// Handler returns the relay's HTTP interface, for use inside another server. That server is then
// responsible for the limits on connections and headers, which Serve enforces by itself.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/meet/{label}", s.meet)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, about) })
	return mux
}

const about = `This is a botsync pairing relay.

Two devices that know the same code meet here for some seconds, to learn how to reach each other.
What they say is encrypted with a key that this relay does not have. No files pass through it.

Use it with: botsync init --relay URL`

// Serve answers on ln until ctx ends, then lets meetings in progress finish for at most the ShutdownGrace,
// and returns nil. Any other end is an error. It closes ln. A Server serves once.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: s.cfg.HeaderTimeout,
		ReadTimeout:       s.cfg.HeaderTimeout,
		WriteTimeout:      2 * s.cfg.HeaderTimeout,
		MaxHeaderBytes:    s.cfg.MaxHeaderBytes,
		ConnContext:       withConn,
	}
	// An answer other than an upgrade ends the connection, so that every connection is either pending or
	// part of a meeting, and none is idle.
	srv.SetKeepAlivesEnabled(false)

	var workers sync.WaitGroup
	defer workers.Wait()
	defer s.cut()
	defer s.stop()
	workers.Go(s.report)
	served := make(chan error, 1)
	workers.Go(func() { served <- srv.Serve(&listener{Listener: ln, relay: s}) })

	select {
	case err := <-served:
		return fmt.Errorf("serving the relay: %w", err)
	case <-ctx.Done():
	}
	s.cfg.Log.Info("relay is stopping", "hosts", s.hosts.len(), "guests", s.guests.len())
	s.stop()
	defer time.AfterFunc(s.cfg.ShutdownGrace, s.cut).Stop()
	err := srv.Shutdown(s.cutting)
	if errors.Is(err, context.Canceled) {
		err = srv.Close() // someone is still sending a request
	}
	// Every session was counted before its connection left srv.
	s.sessions.Wait()
	if err != nil {
		return fmt.Errorf("stopping the relay: %w", err)
	}
	return nil
}

// report logs the counts once a minute, as long as something happens.
func (s *Server) report() {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	var last Stats
	for {
		select {
		case <-s.stopping.Done():
			return
		case <-tick.C:
		}
		if now := s.Stats(); now != last {
			s.cfg.Log.Info("relay", "hosts", now.Hosts, "guests", now.Guests, "pending", now.Pending,
				"meetings", now.Meetings, "refused", now.Refused)
			last = now
		}
	}
}
