package control

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/botsync/botsync/internal/api"
)

// host is the only Host that the local API answers to.
const host = "botsync"

// VersionHeader carries the version of the botsync that answers.
const VersionHeader = "Botsync-Version"

// Handler is the local API as an [http.Handler].
func Handler(b Backend) http.Handler {
	h := &handler{b}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", h.status)
	mux.HandleFunc("POST /v1/invites", h.invite)
	mux.HandleFunc("POST /v1/join", h.join)
	mux.HandleFunc("GET /v1/events", h.events)
	mux.HandleFunc("POST /v1/wait/synced", h.waitSynced)
	mux.HandleFunc("POST /v1/wait/paths", h.waitPaths)
	mux.HandleFunc("POST /v1/wait/new", h.waitNew)
	mux.HandleFunc("POST /v1/send", h.send)
	mux.HandleFunc("GET /v1/log", h.log)
	mux.HandleFunc("GET /v1/ignores", h.ignores)
	h.notifies(mux)
	h.membership(mux)
	mux.HandleFunc("POST /v1/doctor", change(h.b.Doctor))
	h.histories(mux)
	h.brakes(mux)
	h.conflicts(mux)
	mux.HandleFunc("POST /v1/stop", h.stop)
	mux.HandleFunc("GET /v1/version", h.version)
	return h.guard(mux)
}

type handler struct{ b Backend }

// guard refuses what no command sends, bounds the rest, and keeps a panic in one
// request from ending the daemon.
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(VersionHeader, h.b.Version().Version)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		defer func() {
			if v := recover(); v != nil {
				slog.Error("panic in the local API", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
				// In a stream that has begun this is one more line, which ends it as well.
				writeError(w, api.Errorf(api.CodeUnexpected, "The daemon's log has the details.", "the daemon made a mistake: %v", v))
			}
		}()
		if r.Host != host || len(r.Header.Values("Origin")) > 0 {
			writeError(w, api.Errorf(api.CodeForbidden, "Only botsync's own commands use the local API.",
				"this request does not come from botsync"))
			return
		}
		limit := int64(maxBody)
		if r.URL.Path == "/v1/send" {
			limit = maxSend
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

func (h *handler) version(w http.ResponseWriter, _ *http.Request) {
	v := h.b.Version()
	v.Schema = api.Schema
	writeJSON(w, http.StatusOK, v)
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	st, err := h.b.Status(r.Context())
	if err != nil {
		writeError(w, err)
		return
	}
	st.Schema = api.Schema
	writeJSON(w, http.StatusOK, st)
}

func (h *handler) invite(w http.ResponseWriter, r *http.Request) {
	var req api.InviteRequest
	if err := readJSON(w, r, &req); err != nil {
		writeError(w, err)
		return
	}
	line, err := h.b.Invite(r.Context(), req)
	if err != nil {
		writeError(w, err)
		return
	}
	line.Schema, line.Type = api.Schema, api.TypeInvite
	writeJSON(w, http.StatusOK, line)
}

func (h *handler) join(w http.ResponseWriter, r *http.Request) {
	var req api.JoinRequest
	if err := readJSON(w, r, &req); err != nil {
		writeError(w, err)
		return
	}
	if req.Timeout < 0 {
		writeError(w, api.Errorf(api.CodeUsage, "Give a time above zero.", "the timeout %s is below zero", req.Timeout))
		return
	}
	s := openStream(w)
	joined, err := h.b.Join(r.Context(), req, func(p api.ProgressLine) {
		p.Schema, p.Type = api.Schema, api.TypeProgress
		_ = s.line(p) // a client that is gone ends the request's context
	})
	if err != nil {
		_ = s.line(api.ErrorReply{Schema: api.Schema, Error: asError(err)})
		return
	}
	joined.Schema, joined.Type = api.Schema, api.TypeJoined
	_ = s.line(joined)
}

func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	since := int64(-1)
	if q := r.URL.Query(); q.Has("since") {
		n, err := strconv.ParseInt(q.Get("since"), 10, 64)
		if err != nil {
			writeError(w, api.Errorf(api.CodeUsage, "Give the id of an event.", "since=%q is not a number", q.Get("since")))
			return
		}
		since = n
	}
	s := openStream(w)
	err := h.b.Events(r.Context(), since, func(e api.Event) error {
		e.Schema = api.Schema
		return s.line(e)
	})
	if err != nil && r.Context().Err() == nil {
		_ = s.line(api.ErrorReply{Schema: api.Schema, Error: asError(err)})
	}
}

func (h *handler) stop(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusAccepted, struct {
		Schema int `json:"schema"`
	}{api.Schema})
	_ = http.NewResponseController(w).Flush() // before the daemon begins to go
	h.b.Stop()
}
