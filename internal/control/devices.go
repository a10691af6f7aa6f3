package control

import (
	"context"
	"net/http"

	"github.com/botsync/botsync/internal/api"
)

// Membership is the part of [Backend] that says and changes who belongs to the
// network.
type Membership interface {
	Devices(ctx context.Context) (*api.Devices, error)
	Rename(ctx context.Context, req api.RenameRequest) (*api.RenamedLine, error)
	RemoveDevice(ctx context.Context, req api.RemoveRequest) (*api.RemovedLine, error)
	AddDevice(ctx context.Context, req api.AddRequest) (*api.AddedLine, error)
	SetRole(ctx context.Context, req api.RoleRequest) (*api.RoleLine, error)
	// Revert may take as long as the request's timeout.
	Revert(ctx context.Context, req api.RevertRequest) (*api.RevertedLine, error)
	// Leave returns before the daemon starts anew.
	Leave(ctx context.Context, req api.LeaveRequest) (*api.LeftLine, error)
}

func (h *handler) membership(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/devices", func(w http.ResponseWriter, r *http.Request) {
		list, err := h.b.Devices(r.Context())
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, list)
	})
	mux.HandleFunc("POST /v1/devices/rename", change(h.b.Rename))
	mux.HandleFunc("POST /v1/devices/remove", change(h.b.RemoveDevice))
	mux.HandleFunc("POST /v1/devices/add", change(h.b.AddDevice))
	mux.HandleFunc("POST /v1/devices/role", change(h.b.SetRole))
	mux.HandleFunc("POST /v1/revert", change(func(ctx context.Context, req api.RevertRequest) (*api.RevertedLine, error) {
		if req.Timeout < 0 {
			return nil, api.Errorf(api.CodeUsage, "Give a time above zero.", "the timeout %s is below zero", req.Timeout)
		}
		return h.b.Revert(ctx, req)
	}))
	mux.HandleFunc("POST /v1/leave", change(func(ctx context.Context, req api.LeaveRequest) (*api.LeftLine, error) {
		if req.Timeout < 0 {
			return nil, api.Errorf(api.CodeUsage, "Give a time above zero.", "the timeout %s is below zero", req.Timeout)
		}
		return h.b.Leave(ctx, req)
	}))
}

// change answers a request of one object by another.
func change[Request, Answer any](do func(context.Context, Request) (*Answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req Request
		if err := readJSON(w, r, &req); err != nil {
			writeError(w, err)
			return
		}
		line, err := do(r.Context(), req)
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, line)
	}
}

// Devices asks who belongs to the network.
func (c *Client) Devices(ctx context.Context) (*api.Devices, error) {
	var out api.Devices
	return &out, c.call(ctx, http.MethodGet, "/v1/devices", nil, &out)
}

// Rename gives a device another name.
func (c *Client) Rename(ctx context.Context, req api.RenameRequest) (*api.RenamedLine, error) {
	var out api.RenamedLine
	return &out, c.call(ctx, http.MethodPost, "/v1/devices/rename", req, &out)
}

// RemoveDevice removes a peer from the network, for good.
func (c *Client) RemoveDevice(ctx context.Context, req api.RemoveRequest) (*api.RemovedLine, error) {
	var out api.RemovedLine
	return &out, c.call(ctx, http.MethodPost, "/v1/devices/remove", req, &out)
}

// AddDevice adds a Syncthing without botsync.
func (c *Client) AddDevice(ctx context.Context, req api.AddRequest) (*api.AddedLine, error) {
	var out api.AddedLine
	return &out, c.call(ctx, http.MethodPost, "/v1/devices/add", req, &out)
}

// SetRole gives a device another role.
func (c *Client) SetRole(ctx context.Context, req api.RoleRequest) (*api.RoleLine, error) {
	var out api.RoleLine
	return &out, c.call(ctx, http.MethodPost, "/v1/devices/role", req, &out)
}

// Revert takes back what was changed in folders that are receive-only.
func (c *Client) Revert(ctx context.Context, req api.RevertRequest) (*api.RevertedLine, error) {
	var out api.RevertedLine
	return &out, c.call(ctx, http.MethodPost, "/v1/revert", req, &out)
}

// Leave takes the device out of its network. The daemon starts anew after that,
// as another device: [WaitReady] says when.
func (c *Client) Leave(ctx context.Context, req api.LeaveRequest) (*api.LeftLine, error) {
	var out api.LeftLine
	return &out, c.call(ctx, http.MethodPost, "/v1/leave", req, &out)
}
