package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
)

// Limits of the server. Whoever gets this far is the user, so they are there to
// survive a broken client rather than a hostile one.
const (
	maxHeader    = 16 << 10         // bytes
	maxBody      = 64 << 10         // bytes
	readPatience = 10 * time.Second // for a request to arrive whole
	idlePatience = time.Minute      // for the next request on a connection
	stopPatience = 2 * time.Second  // for requests under way when the daemon stops
)

// writePatience is how long a reader of a stream may leave one line lying.
var writePatience = 10 * time.Second

// Listen opens the socket at path for its owner alone. Only the holder of the
// root's lock may call it: a socket that is there already belongs to a daemon
// that was killed, and is replaced.
func Listen(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket == 0 && info.Mode()&fs.ModeIrregular == 0 {
		return nil, fmt.Errorf("listening on %s: there is something that is not a socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing the socket of a daemon that ended: %w", err)
	}
	// Nobody else gets in before the chmod: the directory is private.
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Serve answers requests on l until ctx is done, then lets those under way end
// within two seconds, closes l and returns nil. It returns earlier, with an
// error, only if l fails.
func Serve(ctx context.Context, l net.Listener, b Backend) error {
	// Handlers see ctx, so that streams end when the daemon stops.
	srv := &http.Server{
		Handler:           Handler(b),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: readPatience,
		IdleTimeout:       idlePatience,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving the local API: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		_ = srv.Close()
	}
	<-failed
	return nil
}
