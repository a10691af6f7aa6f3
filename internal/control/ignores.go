package control

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/botsync/botsync/internal/api"
)

// Ignoring is the part of [Backend] that says what is kept out of folders.
type Ignoring interface {
	Ignores(ctx context.Context, req api.IgnoresRequest) (*api.Ignores, error)
}

func (h *handler) ignores(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	req := api.IgnoresRequest{Path: q.Get("path")}
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			writeError(w, api.Errorf(api.CodeUsage, "Give a number.", "limit=%q is not valid", v))
			return
		}
		req.Limit = n
	}
	out, err := h.b.Ignores(r.Context(), req)
	if err != nil {
		writeError(w, err)
		return
	}
	out.Schema, out.Type = api.Schema, api.TypeIgnores
	writeJSON(w, http.StatusOK, out)
}

// Ignores says what is kept out of folders, and why.
func (c *Client) Ignores(ctx context.Context, req api.IgnoresRequest) (*api.Ignores, error) {
	q := url.Values{"path": {req.Path}, "limit": {strconv.Itoa(req.Limit)}}
	out := new(api.Ignores)
	if err := c.call(ctx, http.MethodGet, "/v1/ignores?"+q.Encode(), nil, out); err != nil {
		return nil, err
	}
	return out, nil
}
