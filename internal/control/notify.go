package control

import (
	"context"
	"net/http"
	"net/url"

	"github.com/botsync/botsync/internal/api"
)

// Notifies is the part of [Backend] that tells others what happened.
type Notifies interface {
	Notify(ctx context.Context) (*api.NotifyStatus, error)
	SetTarget(ctx context.Context, t api.NotifyTarget) (*api.NotifySetLine, error)
	TargetOff(ctx context.Context, name string) (*api.NotifyOffLine, error)
	RetryTarget(ctx context.Context, name string) (*api.NotifyRetryLine, error)
	// TestTarget returns when the target has answered.
	TestTarget(ctx context.Context, name string) (*api.NotifyTestLine, error)
}

func (h *handler) notifies(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/notify", func(w http.ResponseWriter, r *http.Request) {
		st, err := h.b.Notify(r.Context())
		if err == nil {
			st.Schema, st.Type = api.Schema, api.TypeTargets
		}
		answer(w, st, err)
	})
	mux.HandleFunc("PUT /v1/notify/targets/{name}", func(w http.ResponseWriter, r *http.Request) {
		var t api.NotifyTarget
		if err := readJSON(w, r, &t); err != nil {
			writeError(w, err)
			return
		}
		t.Name = r.PathValue("name")
		line, err := h.b.SetTarget(r.Context(), t)
		if err == nil {
			line.Schema, line.Type = api.Schema, api.TypeTargetSet
		}
		answer(w, line, err)
	})
	mux.HandleFunc("DELETE /v1/notify/targets/{name}", func(w http.ResponseWriter, r *http.Request) {
		line, err := h.b.TargetOff(r.Context(), r.PathValue("name"))
		if err == nil {
			line.Schema, line.Type = api.Schema, api.TypeTargetOff
		}
		answer(w, line, err)
	})
	mux.HandleFunc("POST /v1/notify/targets/{name}/retry", func(w http.ResponseWriter, r *http.Request) {
		line, err := h.b.RetryTarget(r.Context(), r.PathValue("name"))
		if err == nil {
			line.Schema, line.Type = api.Schema, api.TypeRetried
		}
		answer(w, line, err)
	})
	mux.HandleFunc("POST /v1/notify/targets/{name}/test", func(w http.ResponseWriter, r *http.Request) {
		line, err := h.b.TestTarget(r.Context(), r.PathValue("name"))
		if err == nil {
			line.Schema, line.Type = api.Schema, api.TypeTested
		}
		answer(w, line, err)
	})
}

// answer writes v, or err if there is one.
func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, v)
}

func targetPath(name string) string { return "/v1/notify/targets/" + url.PathEscape(name) }

// Notify asks where notifications go, and how it is with each target.
func (c *Client) Notify(ctx context.Context) (*api.NotifyStatus, error) {
	return ask[api.NotifyStatus](ctx, c, http.MethodGet, "/v1/notify", nil)
}

// SetTarget adds or changes a target. For a new webhook the answer holds its
// secret, which is not shown again.
func (c *Client) SetTarget(ctx context.Context, t api.NotifyTarget) (*api.NotifySetLine, error) {
	return ask[api.NotifySetLine](ctx, c, http.MethodPut, targetPath(t.Name), t)
}

// TargetOff removes a target, and what was to be sent to it.
func (c *Client) TargetOff(ctx context.Context, name string) (*api.NotifyOffLine, error) {
	return ask[api.NotifyOffLine](ctx, c, http.MethodDelete, targetPath(name), nil)
}

// RetryTarget sends a target again what it refused.
func (c *Client) RetryTarget(ctx context.Context, name string) (*api.NotifyRetryLine, error) {
	return ask[api.NotifyRetryLine](ctx, c, http.MethodPost, targetPath(name)+"/retry", nil)
}

// TestTarget sends a target a test, and waits for its answer. A target that
// cannot be reached gives an [api.Error] unreachable, one that says no refused.
func (c *Client) TestTarget(ctx context.Context, name string) (*api.NotifyTestLine, error) {
	return ask[api.NotifyTestLine](ctx, c, http.MethodPost, targetPath(name)+"/test", nil)
}

// ask makes a request that is answered by one object.
func ask[T any](ctx context.Context, c *Client, method, path string, body any) (*T, error) {
	into := new(T)
	if err := c.call(ctx, method, path, body, into); err != nil {
		return nil, err
	}
	return into, nil
}
