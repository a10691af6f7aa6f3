package mcp

import (
	"context"
	"errors"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
)

const (
	// updatePause is the least time between two announcements of one resource: a
	// burst of files is one change to whoever reads the status.
	updatePause = time.Second
	// absentPause is the time between two looks for a daemon that is not there;
	// only while somebody is subscribed.
	absentPause = 2 * time.Second
)

// watch announces changes of the resources to a client that subscribed to any.
type watch struct {
	wanted chan map[string]bool // the URIs subscribed to; never empty, so that it is a lock
	begin  chan struct{}        // closed with the first subscription
}

func newWatch() watch {
	w := watch{wanted: make(chan map[string]bool, 1), begin: make(chan struct{}, 1)}
	w.wanted <- map[string]bool{}
	return w
}

func (s *server) subscribe(_ context.Context, req *mcp.SubscribeRequest) error {
	if uri := req.Params.URI; uri != statusURI && uri != readmeURI {
		return mcp.ResourceNotFoundError(uri)
	}
	s.watch.set(req.Params.URI, true)
	return nil
}

func (s *server) unsubscribe(_ context.Context, req *mcp.UnsubscribeRequest) error {
	s.watch.set(req.Params.URI, false)
	return nil
}

func (w *watch) set(uri string, on bool) {
	wanted := <-w.wanted
	if on {
		wanted[uri] = true
	} else {
		delete(wanted, uri)
	}
	w.wanted <- wanted
	select {
	case w.begin <- struct{}{}:
	default:
	}
}

func (w *watch) any() bool {
	wanted := <-w.wanted
	n := len(wanted)
	w.wanted <- wanted
	return n > 0
}

// run announces until ctx is done. It rests while nobody is subscribed.
func (w *watch) run(ctx context.Context, s *server) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.begin:
		}
		if w.any() {
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
	last := map[string]string{}
	s.look(ctx, last, false)
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.begin:
			if !w.any() {
				return
			}
			continue
		case <-happened:
		}
		s.look(ctx, last, true)
		select {
		case <-ctx.Done():
			return
		case <-time.After(updatePause):
		}
	}
}

// look announces those resources that are no longer what they were.
func (s *server) look(ctx context.Context, last map[string]string, announce bool) {
	for uri, read := range map[string]func(context.Context) (string, error){statusURI: s.statusText, readmeURI: s.readme} {
		text, err := read(ctx)
		if err != nil || text == last[uri] {
			continue
		}
		last[uri] = text
		if announce {
			// It reaches those who subscribed to this one.
			_ = s.mcp.ResourceUpdated(ctx, &mcp.ResourceUpdatedNotificationParams{URI: uri})
		}
	}
}

// listen wakes with each event of the daemon, and when the daemon comes or goes.
func (s *server) listen(ctx context.Context, happened chan<- struct{}) {
	wake := func() {
		select {
		case happened <- struct{}{}:
		default: // a look is due already
		}
	}
	for ctx.Err() == nil {
		err := s.events(ctx, -1, func(api.Event) error { wake(); return nil }, wake)
		if errors.Is(err, errAbsent) {
			select {
			case <-ctx.Done():
			case <-time.After(absentPause):
			}
			continue
		}
		wake()
	}
}

// errAbsent says that no daemon was there to begin with.
var errAbsent = errors.New("there is no daemon")

// events reads events of the daemon until it stops. begun is called once it is
// reached.
func (s *server) events(ctx context.Context, since int64, on func(api.Event) error, begun func()) error {
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
	return c.Events(ctx, since, on)
}
