package control

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Waits is the part of [Backend] that waits for files, sends them and says what
// became of them. The functions that its methods are given are called from the
// same goroutine, and may block for some seconds on a slow reader.
type Waits interface {
	WaitSynced(ctx context.Context, req api.SyncedRequest, progress func(api.SyncedLine)) (*api.SyncedLine, error)
	WaitPaths(ctx context.Context, req api.PathsRequest, on func(api.FileHere) error) error
	WaitNew(ctx context.Context, req api.NewRequest, on func(api.NewFile) error) error
	// Send returns what was put in place also with an error.
	Send(ctx context.Context, req api.SendRequest, progress func(api.SendLine)) (*api.SentLine, error)
	Log(ctx context.Context, req api.LogRequest) ([]api.Event, error)
}

func (h *handler) waitSynced(w http.ResponseWriter, r *http.Request) {
	var req api.SyncedRequest
	if !h.request(w, r, &req, &req.Timeout) {
		return
	}
	s := openStream(w)
	line, err := h.b.WaitSynced(r.Context(), req, func(l api.SyncedLine) {
		l.Schema, l.Type = api.Schema, api.TypeProgress
		_ = s.line(l) // a client that is gone ends the request's context
	})
	if s.failed(r, err) {
		return
	}
	line.Schema, line.Type = api.Schema, api.TypeSynced
	_ = s.line(line)
}

func (h *handler) waitPaths(w http.ResponseWriter, r *http.Request) {
	var req api.PathsRequest
	if !h.request(w, r, &req, &req.Timeout) {
		return
	}
	s := openStream(w)
	err := h.b.WaitPaths(r.Context(), req, func(f api.FileHere) error {
		f.Schema, f.Type = api.Schema, api.TypeFile
		return s.line(f)
	})
	s.finished(r, err)
}

func (h *handler) waitNew(w http.ResponseWriter, r *http.Request) {
	var req api.NewRequest
	if !h.request(w, r, &req, &req.Timeout) {
		return
	}
	s := openStream(w)
	err := h.b.WaitNew(r.Context(), req, func(f api.NewFile) error {
		f.Schema = api.Schema
		return s.line(f)
	})
	s.finished(r, err)
}

// request reads a request that has a timeout. If it is none, it answers so and
// returns false.
func (h *handler) request(w http.ResponseWriter, r *http.Request, into any, timeout *time.Duration) bool {
	err := readJSON(w, r, into)
	if err == nil && *timeout < 0 {
		err = api.Errorf(api.CodeUsage, "Give a time above zero.", "the timeout %s is below zero", *timeout)
	}
	if err != nil {
		writeError(w, err)
	}
	return err == nil
}

// typeEnd ends a stream that would else end without a word: the client could not
// tell that from a daemon that stopped.
const typeEnd = "end"

// finished ends a stream of which all lines are alike.
func (s *stream) finished(r *http.Request, err error) {
	if s.failed(r, err) {
		return
	}
	_ = s.line(struct {
		Schema int    `json:"schema"`
		Type   string `json:"type"`
	}{api.Schema, typeEnd})
}

// failed ends a stream with an error, if there is one. A client that is gone
// reads nothing, and one of a daemon that stops is told so by the end.
func (s *stream) failed(r *http.Request, err error) bool {
	if err != nil && r.Context().Err() == nil {
		_ = s.line(api.ErrorReply{Schema: api.Schema, Error: asError(err)})
	}
	return err != nil
}

// WaitSynced waits until the peers that count have everything. progress may be
// nil. When the time runs out the [api.Error] is timeout, and says what is
// missing.
func (c *Client) WaitSynced(ctx context.Context, req api.SyncedRequest, progress func(api.SyncedLine)) (*api.SyncedLine, error) {
	var end *api.SyncedLine
	err := c.lines(ctx, http.MethodPost, "/v1/wait/synced", req, func(data []byte) error {
		var line api.SyncedLine
		if err := json.Unmarshal(data, &line); err != nil {
			return err
		}
		if line.Type == api.TypeSynced {
			end = &line
		} else if line.Type == api.TypeProgress && progress != nil {
			progress(line)
		}
		return nil
	})
	if err == nil && end == nil {
		err = c.stopped()
	}
	return end, err
}

// WaitPaths waits until files are here, complete, and calls on for each. An error
// of on ends it.
func (c *Client) WaitPaths(ctx context.Context, req api.PathsRequest, on func(api.FileHere) error) error {
	return c.files(ctx, "/v1/wait/paths", req, func(kind string, data []byte) error {
		var f api.FileHere
		if err := json.Unmarshal(data, &f); err != nil || kind != api.TypeFile {
			return err
		}
		return on(f)
	})
}

// WaitNew waits for files of peers, and calls on for each as it lands; first with
// one of type waiting, which holds the cursor alone. An error of on ends it. When
// the time runs out the [api.Error] is timeout and holds the cursor.
func (c *Client) WaitNew(ctx context.Context, req api.NewRequest, on func(api.NewFile) error) error {
	return c.files(ctx, "/v1/wait/new", req, func(kind string, data []byte) error {
		var f api.NewFile
		if err := json.Unmarshal(data, &f); err != nil || kind != api.TypeFile && kind != api.TypeWaiting {
			return err
		}
		return on(f)
	})
}

// files reads a stream that ends with a line of typeEnd.
func (c *Client) files(ctx context.Context, path string, req any, on func(kind string, data []byte) error) error {
	ended := false
	err := c.lines(ctx, http.MethodPost, path, req, func(data []byte) error {
		var line struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(data, &line); err != nil {
			return err
		}
		ended = line.Type == typeEnd
		return on(line.Type, data)
	})
	if err == nil && !ended {
		err = c.stopped()
	}
	return err
}
