package engine

import (
	"context"
	"log/slog"
	"slices"
)

// everyday are warnings of Syncthing's about what happens every day: it reports
// each connection that ends before it has begun, and two devices that dial each
// other at several addresses end most of theirs so.
var everyday = []string{
	"Failed TLS handshake",
	"Failed to exchange Hello messages",
	"Abandoning old index handler in favour of new connection",
}

// LogHandler passes on what Syncthing logs, but warnings of everyday events.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn && slices.Contains(everyday, r.Message) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.Handler.WithGroup(name)}
}
