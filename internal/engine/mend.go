package engine

import (
	"context"
	"log/slog"
	"time"
)

// mendInterval is how long a folder that was mended waits to be noticed.
const mendInterval = 2 * time.Second

// mend looks again at folders that are stopped by an error, until ctx ends.
// Syncthing itself does so after a minute at first, and after an hour at last.
func (e *Engine) mend(ctx context.Context) {
	for range every(ctx, mendInterval, nil) {
		for id, cfg := range e.cfg.Folders() {
			if _, _, err := e.model.State(id); err != nil && ctx.Err() == nil {
				if otherDisk(cfg) {
					if err := e.reapply(); err != nil {
						slog.Warn("The disk of a folder is another one now", "folder.id", id, "error", err)
						continue
					}
				}
				_ = e.scan(id, nil) // the folder keeps the error
			}
		}
	}
}
