package relay

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/coder/websocket"
)

// meet answers a request for a meeting: with the WebSocket, or with the reason why not.
func (s *Server) meet(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(Header, "1")
	client := clientOf(r, s.cfg.TrustedProxies)
	if ok, retry := s.throttle.allow(client); !ok {
		s.refuse(w, refusal{http.StatusTooManyRequests, "too many requests from this address", retry})
		return
	}
	label := r.PathValue("label")
	as, no := parseMeet(label, r)
	if no == nil {
		// Counted here, so that Serve, when it stops, waits for what is about to be hijacked from it.
		s.sessions.Add(1)
		defer s.sessions.Done()
		if as == roleHost {
			no = s.host(w, r, label, client)
		} else {
			no = s.guest(w, r, label, client)
		}
	}
	if no != nil {
		s.refuse(w, *no)
	}
}

// host lets a host wait for its guest, then joins the two. Its answer is nil once the request is answered.
func (s *Server) host(w http.ResponseWriter, r *http.Request, label string, client netip.Prefix) *refusal {
	if !s.hosts.add(client) {
		return &refusal{http.StatusTooManyRequests, "too many hosts are waiting", 10}
	}
	defer s.hosts.remove(client)
	seat, err := s.cfg.Store.Open(r.Context(), label, s.cfg.Lifetime)
	if err != nil {
		return storeRefusal(err)
	}
	defer seat.Close()

	p, err := s.upgrade(w, r)
	if err != nil {
		return nil
	}
	defer p.wait()
	present, gone := context.WithCancelCause(s.stopping)
	defer gone(nil)
	waiting, stopWaiting := context.WithTimeoutCause(present, s.cfg.Lifetime, errLifetime)
	defer stopWaiting()
	p.workers.Go(func() { gone(p.receive()) })
	p.workers.Go(func() { p.keepAlive(waiting) })

	stream, err := seat.Guest(waiting)
	cause := context.Cause(waiting)
	stopWaiting() // and pinging
	seat.Close()  // so that a host that is told to leave can come back at once
	switch {
	case err == nil:
		defer stream.Close()
		if p.attach(stream) {
			p.carry(s.cutting, &s.cfg)
		}
	case errors.Is(cause, errLifetime):
		p.finish(websocket.StatusPolicyViolation, errLifetime.Error())
	case s.stopping.Err() != nil:
		p.finish(websocket.StatusGoingAway, "the relay is stopping")
	case cause != nil:
		p.finish(websocket.StatusNormalClosure, "")
	default:
		p.finish(websocket.StatusInternalError, "the store has a problem")
	}
	return nil
}

var errLifetime = errors.New("no guest came in time")

// guest joins a guest to its host. Its answer is nil once the request is answered.
func (s *Server) guest(w http.ResponseWriter, r *http.Request, label string, client netip.Prefix) *refusal {
	if !s.guests.add(client) {
		return &refusal{http.StatusTooManyRequests, "too many guests are here", 10}
	}
	defer s.guests.remove(client)
	stream, err := s.cfg.Store.Join(r.Context(), label)
	if err != nil {
		return storeRefusal(err)
	}
	defer stream.Close()
	s.meetings.Add(1)

	p, err := s.upgrade(w, r)
	if err != nil {
		return nil
	}
	defer p.wait()
	silent := time.AfterFunc(s.cfg.SpeakTimeout, func() {
		p.finish(websocket.StatusPolicyViolation, "the guest said nothing")
	})
	defer silent.Stop()
	p.spoke = func() { silent.Stop() }
	if p.attach(stream) {
		p.workers.Go(func() { p.receive() })
		p.carry(s.cutting, &s.cfg)
	}
	return nil
}

// upgrade turns the request into a WebSocket. If it cannot, it has answered the request.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) (*peer, error) {
	// A page in somebody's browser has no business here: the default refuses a foreign Origin.
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		s.refused.Add(1)
		return nil, err
	}
	promote(r.Context())
	ws.SetReadLimit(s.cfg.MaxMessage)
	return newPeer(ws, &s.cfg), nil
}

func storeRefusal(err error) *refusal {
	switch {
	case errors.Is(err, ErrTaken):
		return &refusal{status: http.StatusConflict, reason: err.Error()}
	case errors.Is(err, ErrNoHost):
		return &refusal{status: http.StatusNotFound, reason: err.Error()}
	case errors.Is(err, ErrUsed):
		return &refusal{status: http.StatusGone, reason: err.Error()}
	default:
		return &refusal{http.StatusServiceUnavailable, "the store has a problem", 5}
	}
}

func (s *Server) refuse(w http.ResponseWriter, no refusal) {
	s.refused.Add(1)
	h := w.Header()
	switch no.status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodGet)
	case http.StatusUpgradeRequired:
		h.Set("Upgrade", "websocket")
		h.Set("Connection", "Upgrade")
	}
	if no.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(no.retry))
	}
	writeText(w, no.status, no.reason)
}

func writeText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(text + "\n"))
}
