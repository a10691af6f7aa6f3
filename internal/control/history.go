package control

import (
	"context"
	"net/http"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Histories is the part of [Backend] that finds old versions and brings them back.
// Its methods may take as long as the request's timeout, and as long as writing
// the files takes.
type Histories interface {
	History(ctx context.Context, req api.HistoryRequest) (*api.History, error)
	Restore(ctx context.Context, req api.RestoreRequest) (*api.RestoredLine, error)
	Undo(ctx context.Context, req api.UndoRequest) (*api.UndoneLine, error)
}

func (h *handler) histories(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/history", change(func(ctx context.Context, req api.HistoryRequest) (*api.History, error) {
		if err := checkAsk(req.Timeout); err != nil {
			return nil, err
		}
		return h.b.History(ctx, req)
	}))
	mux.HandleFunc("POST /v1/restore", change(func(ctx context.Context, req api.RestoreRequest) (*api.RestoredLine, error) {
		if err := checkAsk(req.Timeout); err != nil {
			return nil, err
		}
		return h.b.Restore(ctx, req)
	}))
	mux.HandleFunc("POST /v1/undo", change(func(ctx context.Context, req api.UndoRequest) (*api.UndoneLine, error) {
		if err := checkAsk(req.Timeout); err != nil {
			return nil, err
		}
		return h.b.Undo(ctx, req)
	}))
}

func checkAsk(timeout time.Duration) error {
	if timeout < 0 {
		return api.Errorf(api.CodeUsage, "Give a time above zero.", "the timeout %s is below zero", timeout)
	}
	return nil
}

// History lists old versions.
func (c *Client) History(ctx context.Context, req api.HistoryRequest) (*api.History, error) {
	var out api.History
	return &out, c.call(ctx, http.MethodPost, "/v1/history", req, &out)
}

// Restore brings versions back.
func (c *Client) Restore(ctx context.Context, req api.RestoreRequest) (*api.RestoredLine, error) {
	var out api.RestoredLine
	return &out, c.call(ctx, http.MethodPost, "/v1/restore", req, &out)
}

// Undo takes back what one device did.
func (c *Client) Undo(ctx context.Context, req api.UndoRequest) (*api.UndoneLine, error) {
	var out api.UndoneLine
	return &out, c.call(ctx, http.MethodPost, "/v1/undo", req, &out)
}
