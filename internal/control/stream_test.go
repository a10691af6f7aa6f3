package control

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// A join ends with its client, and so does an event stream.
func TestRequestsEndWithTheirClient(t *testing.T) {
	t.Parallel()
	begun, ended := make(chan string), make(chan error)
	r := serve(t, &fake{
		join: func(ctx context.Context, _ api.JoinRequest, _ func(api.ProgressLine)) (*api.JoinedLine, error) {
			begun <- "join"
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		},
		events: func(ctx context.Context, _ int64, _ func(api.Event) error) error {
			begun <- "events"
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		},
	})
	c := dial(t, r)
	for name, call := range map[string]func(context.Context) error{
		"join": func(ctx context.Context) error {
			_, err := c.Join(ctx, api.JoinRequest{Code: "x"}, nil)
			return err
		},
		"events": func(ctx context.Context) error {
			return c.Events(ctx, -1, func(api.Event) error { return nil })
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 1)
		go func() { got <- call(ctx) }()
		if at := <-begun; at != name {
			t.Fatalf("%s began, not %s", at, name)
		}
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the client got %v", name, err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the daemon got %v", name, err)
		}
	}
}

func TestEventsReachEveryReader(t *testing.T) {
	t.Parallel()
	const readers, events = 50, 100
	r := serve(t, &fake{events: func(ctx context.Context, since int64, emit func(api.Event) error) error {
		for id := since + 1; id <= events; id++ {
			if err := emit(api.Event{ID: id, Type: api.EventFileReceived, Path: "<&>\u2028"}); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	c := dial(t, r)
	enough := errors.New("enough")
	var wg sync.WaitGroup
	for n := range int64(readers) {
		wg.Go(func() {
			next := n + 1
			err := c.Events(t.Context(), n, func(e api.Event) error {
				if e.ID != next || e.Path != "<&>\u2028" || e.Schema != api.Schema {
					t.Errorf("reader %d: got %+v, want id %d", n, e, next)
				}
				if next++; e.ID == events {
					return enough
				}
				return nil
			})
			if !errors.Is(err, enough) {
				t.Errorf("reader %d: %v", n, err)
			}
		})
	}
	wg.Wait()
}

func TestSinceMustBeANumber(t *testing.T) {
	t.Parallel()
	got := make(chan int64, 1)
	r := serve(t, &fake{events: func(_ context.Context, since int64, _ func(api.Event) error) error {
		got <- since
		return nil
	}})
	c := dial(t, r)
	err := c.lines(t.Context(), "GET", "/v1/events?since=x", nil, nil)
	wantCode(t, err, api.CodeUsage)
	if err := c.lines(t.Context(), "GET", "/v1/events", nil, nil); err != nil {
		t.Fatal(err)
	}
	if since := <-got; since != -1 {
		t.Errorf("without since the daemon is asked for %d", since)
	}
}

// A reader that takes nothing is dropped, and holds up nobody.
func TestSlowReaderIsDropped(t *testing.T) {
	defer func(d time.Duration) { writePatience = d }(writePatience)
	writePatience = 100 * time.Millisecond
	dropped := make(chan error, 1)
	r := serve(t, &fake{events: func(_ context.Context, _ int64, emit func(api.Event) error) error {
		for {
			if err := emit(api.Event{Path: strings.Repeat("x", 1<<16)}); err != nil {
				dropped <- err
				return err
			}
		}
	}})
	c := dial(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	reading, gone := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(gone)
		_ = c.Events(ctx, 0, func(api.Event) error {
			once.Do(func() { close(reading) })
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-reading
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("status beside a slow reader: %v", err)
	}
	if err := <-dropped; err == nil {
		t.Error("the reader was not dropped")
	}
	cancel()
	<-gone
}

// When the daemon stops, whoever reads events or waits for a join is told.
func TestStreamsEndWithTheDaemon(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	path, _ := r.SocketPath()
	lock, err := r.Lock(root.LockInfo{PID: 1, Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	f := &fake{events: func(ctx context.Context, _ int64, _ func(api.Event) error) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, f) }()
	c := dial(t, r)
	got := make(chan error, 1)
	go func() { got <- c.Events(t.Context(), -1, func(api.Event) error { return nil }) }()
	<-begun
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantCode(t, <-got, api.CodeNotRunning)
}

func TestPanicEndsOneRequestOnly(t *testing.T) {
	t.Parallel()
	calls := 0
	r := serve(t, &fake{
		status: func(context.Context) (*api.Status, error) {
			if calls++; calls == 1 {
				panic("no such peer")
			}
			return &api.Status{}, nil
		},
		join: func(_ context.Context, _ api.JoinRequest, progress func(api.ProgressLine)) (*api.JoinedLine, error) {
			progress(api.ProgressLine{})
			panic("in the middle")
		},
	})
	c := dial(t, r)
	_, err := c.Status(t.Context())
	wantCode(t, err, api.CodeUnexpected)
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("after a panic: %v", err)
	}
	_, err = c.Join(t.Context(), api.JoinRequest{}, nil)
	if e := wantCode(t, err, api.CodeUnexpected); !contains(e.Message, "in the middle") {
		t.Errorf("got %q", e.Message)
	}
}
