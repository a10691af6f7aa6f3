package control

import (
	"context"
	"net/http"

	"github.com/botsync/botsync/internal/api"
)

// Versions is the part of [Backend] that knows of files of which there are several
// versions.
type Versions interface {
	Conflicts(ctx context.Context) (*api.Conflicts, error)
	ConflictDiff(ctx context.Context, req api.DiffRequest) (*api.ConflictDiffs, error)
	KeepVersions(ctx context.Context, req api.KeepRequest) (*api.ResolvedLine, error)
}

func (h *handler) conflicts(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/conflicts", func(w http.ResponseWriter, r *http.Request) {
		list, err := h.b.Conflicts(r.Context())
		answer(w, list, err)
	})
	mux.HandleFunc("POST /v1/conflicts/diff", change(h.b.ConflictDiff))
	mux.HandleFunc("POST /v1/conflicts/keep", change(h.b.KeepVersions))
}

// Conflicts asks of which files there are several versions.
func (c *Client) Conflicts(ctx context.Context) (*api.Conflicts, error) {
	return ask[api.Conflicts](ctx, c, http.MethodGet, "/v1/conflicts", nil)
}

// ConflictDiff asks how the versions of files differ.
func (c *Client) ConflictDiff(ctx context.Context, req api.DiffRequest) (*api.ConflictDiffs, error) {
	return ask[api.ConflictDiffs](ctx, c, http.MethodPost, "/v1/conflicts/diff", req)
}

// KeepVersions resolves conflicts.
func (c *Client) KeepVersions(ctx context.Context, req api.KeepRequest) (*api.ResolvedLine, error) {
	return ask[api.ResolvedLine](ctx, c, http.MethodPost, "/v1/conflicts/keep", req)
}
