package control

import (
	"context"
	"net/http"

	"github.com/botsync/botsync/internal/api"
)

// Doctors is the part of [Backend] that says why something is not synced.
type Doctors interface {
	// Doctor returns within some seconds, whatever does not answer.
	Doctor(ctx context.Context, req api.DoctorRequest) (*api.Doctor, error)
}

// Doctor asks why something is not synced.
func (c *Client) Doctor(ctx context.Context, req api.DoctorRequest) (*api.Doctor, error) {
	return ask[api.Doctor](ctx, c, http.MethodPost, "/v1/doctor", req)
}
