package control

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/api"
)

// waits is a daemon whose every wait is one function.
type waits struct {
	Waits
	wait func(ctx context.Context) error
}

func (w waits) WaitSynced(ctx context.Context, req api.SyncedRequest, progress func(api.SyncedLine)) (*api.SyncedLine, error) {
	progress(api.SyncedLine{Peers: []api.Lack{{Device: api.Device{Name: req.Peers[0]}, Files: 3}}})
	return &api.SyncedLine{Peers: []api.Lack{{Device: api.Device{Name: req.Peers[0]}}}}, w.wait(ctx)
}

func (w waits) WaitPaths(ctx context.Context, req api.PathsRequest, on func(api.FileHere) error) error {
	return errors.Join(on(api.FileHere{Path: req.Paths[0]}), w.wait(ctx))
}

func (w waits) WaitNew(ctx context.Context, req api.NewRequest, on func(api.NewFile) error) error {
	return errors.Join(on(api.NewFile{Type: api.TypeWaiting, Cursor: *req.Since}),
		on(api.NewFile{Type: api.TypeFile, Cursor: *req.Since + 1, Path: req.Dir + "/a"}), w.wait(ctx))
}

func (w waits) Send(ctx context.Context, req api.SendRequest, progress func(api.SendLine)) (*api.SentLine, error) {
	progress(api.SendLine{Type: api.TypeFile, Path: "inbox/a", Size: 7, SHA256: "abc"})
	progress(api.SendLine{Type: api.TypeFile, Path: "inbox/b", Size: 1})
	progress(api.SendLine{Type: api.TypeReceived, Path: "inbox/b", Device: &api.Device{Name: "laptop"}})
	return &api.SentLine{Bytes: 8}, w.wait(ctx)
}

// calls are the requests that may take a while; each returns what came of it.
func calls(c *Client) map[string]func(context.Context) (any, error) {
	return map[string]func(context.Context) (any, error){
		"synced": func(ctx context.Context) (any, error) {
			var progress []int
			line, err := c.WaitSynced(ctx, api.SyncedRequest{Peers: []string{"laptop"}}, func(l api.SyncedLine) { progress = append(progress, l.Peers[0].Files) })
			if !reflect.DeepEqual(progress, []int{3}) {
				return nil, errors.Join(errors.New("no progress"), err)
			}
			if line == nil {
				return "", err
			}
			return line.Type + " " + line.Peers[0].Device.Name, err
		},
		"paths": func(ctx context.Context) (got any, err error) {
			err = c.WaitPaths(ctx, api.PathsRequest{Paths: []string{"inbox/a"}}, func(f api.FileHere) error { got = f.Type + " " + f.Path; return nil })
			return got, err
		},
		"new": func(ctx context.Context) (any, error) {
			since, got := int64(41), []any{}
			err := c.WaitNew(ctx, api.NewRequest{Dir: "inbox", Since: &since}, func(f api.NewFile) error { got = append(got, f.Type, f.Cursor, f.Path); return nil })
			return got, err
		},
		"send": func(ctx context.Context) (any, error) {
			sent, err := c.Send(ctx, api.SendRequest{}, nil)
			return sent, err
		},
	}
}

func TestWaits(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, &fake{Waits: waits{wait: func(context.Context) error { return nil }}}))
	for name, want := range map[string]any{
		"synced": "synced laptop",
		"paths":  "file inbox/a",
		"new":    []any{api.TypeWaiting, int64(41), "", api.TypeFile, int64(42), "inbox/a"},
		"send": &api.SentLine{Schema: api.Schema, Type: api.TypeSent, Bytes: 8, Files: []api.SentFile{
			{Path: "inbox/a", Size: 7, SHA256: "abc", Receipts: []api.Receipt{}},
			{Path: "inbox/b", Size: 1, Receipts: []api.Receipt{{Device: api.Device{Name: "laptop"}}}}}},
	} {
		got, err := calls(c)[name](t.Context())
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, cmp.Diff(want, got), err)
		}
	}
}

// An error ends a wait with all that it says; what was sent before it is known.
func TestWaitsThatFail(t *testing.T) {
	t.Parallel()
	failure := api.Errorf(api.CodeTimeout, "Try again.", "the time ran out")
	failure.Missing = []api.Lack{{Device: api.Device{Name: "laptop"}, Files: 2, Names: []string{"inbox/x"}, Why: "it is not connected"}}
	failure.Cursor = 7
	c := dial(t, serve(t, &fake{Waits: waits{wait: func(context.Context) error { return failure }}}))
	for name, call := range calls(c) {
		got, err := call(t.Context())
		var e *api.Error
		if !errors.As(err, &e) || !cmp.Equal(e, failure) {
			t.Errorf("%s: %v", name, err)
		}
		if sent, ok := got.(*api.SentLine); ok && (len(sent.Files) != 2 || sent.Bytes != 8) {
			t.Errorf("%s: %+v", name, sent)
		}
	}
	for name, err := range map[string]error{
		"synced": func() error { _, err := c.WaitSynced(t.Context(), api.SyncedRequest{Timeout: -1}, nil); return err }(),
		"paths":  c.WaitPaths(t.Context(), api.PathsRequest{Timeout: -1}, nil),
		"new":    c.WaitNew(t.Context(), api.NewRequest{Timeout: -1}, nil),
		"send":   func() error { _, err := c.Send(t.Context(), api.SendRequest{Timeout: -1}, nil); return err }(),
	} {
		var e *api.Error
		if !errors.As(err, &e) || e.Code != api.CodeUsage {
			t.Errorf("%s, a time below zero: %v", name, err)
		}
	}
}

// A wait ends with its client, and with the daemon.
func TestWaitsEnd(t *testing.T) {
	t.Parallel()
	begun, ended := make(chan struct{}), make(chan error)
	c := dial(t, serve(t, &fake{Waits: waits{wait: func(ctx context.Context) error {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}}}))
	for name, call := range calls(c) {
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 1)
		go func() {
			_, err := call(ctx)
			got <- err
		}()
		<-begun
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the client got %v", name, err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the daemon got %v", name, err)
		}
	}
}

// A daemon that stops ends a wait without a word: that is no success.
func TestDaemonStopsMeanwhile(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"synced", "paths", "new", "send"} {
		ctx, stop := context.WithCancel(t.Context())
		r := newRoot(t)
		path, err := r.SocketPath()
		if err != nil {
			t.Fatal(err)
		}
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() {
			served <- Serve(ctx, l, &fake{Waits: waits{wait: func(ctx context.Context) error { stop(); <-ctx.Done(); return ctx.Err() }}})
		}()
		_, err = calls(dial(t, r))[name](t.Context())
		var e *api.Error
		if !errors.As(err, &e) || e.Code != api.CodeNotRunning {
			t.Errorf("%s: %v", name, err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		stop()
	}
}

// What the client asks of the log is what the daemon reads.
func TestLogQuery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := api.LogRequest{After: rapid.Int64Min(0).Draw(t, "after"), By: rapid.String().Draw(t, "by"),
			Path: rapid.String().Draw(t, "path"), Limit: rapid.Int().Draw(t, "limit"), All: rapid.Bool().Draw(t, "all")}
		if rapid.Bool().Draw(t, "timed") {
			want.Since = time.Unix(0, rapid.Int64Range(1, 1<<62).Draw(t, "since")).UTC()
		}
		q, err := url.ParseQuery(logQuery(want).Encode())
		if err != nil {
			t.Fatal(err)
		}
		got, err := readLog(q)
		if err != nil || !cmp.Equal(got, want) {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	})
	for _, bad := range []string{"since=yesterday", "after=-1", "after=x", "limit=many", "all=perhaps"} {
		q, err := url.ParseQuery(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readLog(q); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
