package daemon

import (
	"context"

	"github.com/botsync/botsync/internal/api"
)

// Events calls emit for what happened after since, as it happens.
func (d *daemon) Events(ctx context.Context, since int64, emit func(api.Event) error) error {
	d.recorder.settled(ctx)
	return d.activity.Follow(ctx, since, emit)
}
