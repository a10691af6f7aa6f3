package control

import (
	"context"
	"net/http"

	"github.com/botsync/botsync/internal/api"
)

// Brakes is the part of [Backend] that decides about folders that are held.
type Brakes interface {
	// Resume may take as long as the request's timeout.
	Resume(ctx context.Context, req api.ResumeRequest) (*api.ResumeLine, error)
}

func (h *handler) brakes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/resume", change(func(ctx context.Context, req api.ResumeRequest) (*api.ResumeLine, error) {
		switch {
		case req.Timeout < 0:
			return nil, api.Errorf(api.CodeUsage, "Give a time above zero.", "the timeout %s is below zero", req.Timeout)
		case req.Accept && req.Undo:
			return nil, api.Errorf(api.CodeUsage, "Choose one of them.", "accept and undo do not go together")
		}
		return h.b.Resume(ctx, req)
	}))
}

// Resume says what is held, or ends it.
func (c *Client) Resume(ctx context.Context, req api.ResumeRequest) (*api.ResumeLine, error) {
	var out api.ResumeLine
	return &out, c.call(ctx, http.MethodPost, "/v1/resume", req, &out)
}
