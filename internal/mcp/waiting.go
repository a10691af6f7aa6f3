package mcp

import (
	"context"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
)

// How long a tool waits. The standard is what clients that allow a call one
// minute do not cut off.
const (
	standardWait = 45   // seconds
	maxWait      = 3600 // seconds
)

// progressPause is the time between two reports. A client that takes them for
// signs of life gives up after a minute without one.
const progressPause = 5 * time.Second

// waitGrace is how much later than the daemon this side gives up.
const waitGrace = 5 * time.Second

func limitOf(seconds int) time.Duration {
	if seconds <= 0 {
		seconds = standardWait
	}
	return time.Duration(min(seconds, maxWait)) * time.Second
}

// waiting is a call that takes its time.
type waiting struct {
	mu   sync.Mutex
	text string
	news chan struct{}
	stop func()
}

// wait begins to report progress on a call, and bounds it: its context is done
// when the client cancels the call or goes away, and some time after the limit.
// end must be called.
func (s *server) wait(ctx context.Context, req *mcp.CallToolRequest, limit time.Duration) (context.Context, *waiting) {
	ctx, cancel := context.WithTimeout(ctx, limit+waitGrace)
	leave := context.AfterFunc(s.gone, cancel)
	w := &waiting{text: "waiting", news: make(chan struct{}, 1)}
	var reporter sync.WaitGroup
	if token := req.Params.GetProgressToken(); token != nil {
		reporter.Go(func() { w.report(ctx, req.Session, token, limit) })
	}
	w.stop = func() { leave(); cancel(); reporter.Wait() }
	return ctx, w
}

// end ends the reporting, so that none comes after the answer.
func (w *waiting) end() { w.stop() }

// say changes what is reported, at once.
func (w *waiting) say(text string) {
	w.mu.Lock()
	w.text = text
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *waiting) report(ctx context.Context, session *mcp.ServerSession, token any, limit time.Duration) {
	start := time.Now()
	tick := time.NewTicker(progressPause)
	defer tick.Stop()
	last, said := -1.0, ""
	for {
		w.mu.Lock()
		text := w.text
		w.mu.Unlock()
		// The protocol wants each report to be further than the one before.
		if at := time.Since(start).Seconds(); text != said || at >= last+1 {
			err := session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{
				ProgressToken: token, Message: text, Progress: max(at, last+0.001), Total: limit.Seconds(),
			})
			if err != nil {
				return
			}
			last, said = max(at, last+0.001), text
		}
		select {
		case <-ctx.Done():
			return
		case <-w.news:
		case <-tick.C:
		}
	}
}

// timedOut reports whether waiting ended because its time was up.
func timedOut(err error) (*api.Error, bool) {
	e, ok := asError(err)
	return e, ok && e.Code == api.CodeTimeout
}
