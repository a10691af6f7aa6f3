package mcp

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
)

// updatePause is the least time between two announcements of one resource: a
// burst of files is one change to whoever reads the status.
var updatePause = time.Second

// absentPause is the time between two looks for a daemon that is not there; only
// while somebody is subscribed.
const absentPause = 2 * time.Second

// watch announces changes of the resources to a client that subscribed to any.
type watch struct {
	changed chan struct{} // has an element when somebody subscribed or unsubscribed

	mu   sync.Mutex
	last map[string]string // what those that are subscribed to were when that was last told
}

func newWatch() *watch {
	return &watch{changed: make(chan struct{}, 1), last: map[string]string{}}
}

// readers are the resources that can be subscribed to.
func (s *server) readers() map[string]func(context.Context) (string, error) {
	return map[string]func(context.Context) (string, error){statusURI: s.statusText, readmeURI: s.readme}
}

// subscribe notes what the resource is before the client is told that it will
// hear of changes, so that none is taken for the beginning.
func (s *server) subscribe(ctx context.Context, req *mcp.SubscribeRequest) error {
	read := s.readers()[req.Params.URI]
	if read == nil {
		return mcp.ResourceNotFoundError(req.Params.URI)
	}
	text, err := read(ctx)
	if err != nil {
		return err
	}
	s.watch.set(func(last map[string]string) { last[req.Params.URI] = text })
	return nil
}

func (s *server) unsubscribe(_ context.Context, req *mcp.UnsubscribeRequest) error {
	s.watch.set(func(last map[string]string) { delete(last, req.Params.URI) })
	return nil
}

func (w *watch) set(change func(map[string]string)) {
	w.mu.Lock()
	change(w.last)
	w.mu.Unlock()
	wake(w.changed)
}

func (w *watch) wanted() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.last))
}

// isNews notes what a resource is now, and reports whether it was something else.
func (w *watch) isNews(uri, text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	was, subscribed := w.last[uri]
	if !subscribed || was == text {
		return false
	}
	w.last[uri] = text
	return true
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is awake already
	}
}

// run announces until ctx is done. It rests while nobody is subscribed.
func (w *watch) run(ctx context.Context, s *server) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.changed:
		}
		if len(w.wanted()) > 0 {
			w.follow(ctx, s)
		}
	}
}

// follow announces until nobody is subscribed any more.
func (w *watch) follow(ctx context.Context, s *server) {
	ctx, cancel := context.WithCancel(ctx)
	happened := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() { defer close(ended); s.listen(ctx, happened) }()
	defer func() { cancel(); <-ended }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.changed:
			if len(w.wanted()) == 0 {
				return
			}
			continue
		case <-happened:
		}
		s.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(updatePause):
		}
	}
}

// look announces those resources that are no longer what they were.
func (s *server) look(ctx context.Context) {
	readers := s.readers()
	for _, uri := range s.watch.wanted() {
		if text, err := readers[uri](ctx); err == nil && s.watch.isNews(uri, text) {
			_ = s.mcp.ResourceUpdated(ctx, &mcp.ResourceUpdatedNotificationParams{URI: uri})
		}
	}
}

// listen wakes with each event of the daemon, and when the daemon comes or goes.
func (s *server) listen(ctx context.Context, happened chan<- struct{}) {
	for ctx.Err() == nil {
		var later *time.Timer
		err := s.events(ctx, func(api.Event) error { wake(happened); return nil }, func() {
			wake(happened)
			// What happens between this and the beginning of the stream has no event.
			later = time.AfterFunc(updatePause, func() { wake(happened) })
		})
		if later != nil {
			later.Stop()
		}
		if errors.Is(err, errAbsent) {
			select {
			case <-ctx.Done():
			case <-time.After(absentPause):
			}
			continue
		}
		wake(happened)
	}
}

// errAbsent says that no daemon was there to begin with.
var errAbsent = errors.New("there is no daemon")

// events reads new events of the daemon until it stops. begun is called once it
// is reached.
func (s *server) events(ctx context.Context, on func(api.Event) error, begun func()) error {
	r, err := s.opts.Root()
	if err != nil {
		return errAbsent
	}
	c, err := control.Dial(ctx, r)
	if err != nil {
		return errAbsent
	}
	defer c.Close()
	begun()
	return c.Events(ctx, -1, on)
}
