package control

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

// fake is a daemon whose every method can be replaced.
type fake struct {
	Waits    // not asked for
	Notifies // likewise
	Doctors  // likewise
	Ignoring // likewise
	Versions
	membership
	histories

	status  func(context.Context) (*api.Status, error)
	invite  func(context.Context, api.InviteRequest) (*api.InviteLine, error)
	join    func(context.Context, api.JoinRequest, func(api.ProgressLine)) (*api.JoinedLine, error)
	events  func(context.Context, int64, func(api.Event) error) error
	stopped chan struct{}
	once    sync.Once
}

func (f *fake) Version() api.Version { return api.Version{Version: "v1.2.3", Engine: "v2.1.2"} }

func (f *fake) Status(ctx context.Context) (*api.Status, error) {
	if f.status == nil {
		return &api.Status{State: api.StateRunning}, nil
	}
	return f.status(ctx)
}

func (f *fake) Invite(ctx context.Context, req api.InviteRequest) (*api.InviteLine, error) {
	return f.invite(ctx, req)
}

func (f *fake) Join(ctx context.Context, req api.JoinRequest, progress func(api.ProgressLine)) (*api.JoinedLine, error) {
	return f.join(ctx, req, progress)
}

func (f *fake) Events(ctx context.Context, since int64, emit func(api.Event) error) error {
	return f.events(ctx, since, emit)
}

func (f *fake) Stop() { f.once.Do(func() { close(f.stopped) }) }

// serve runs f as the daemon of a new root until the test ends.
func serve(t *testing.T, f *fake) *root.Root {
	t.Helper()
	r := newRoot(t)
	f.stopped = make(chan struct{})
	path, err := r.SocketPath()
	if err != nil {
		t.Fatal(err)
	}
	lock, err := r.Lock(root.LockInfo{PID: 4711, Version: "v1.2.3", Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, f) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := lock.Unlock(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func newRoot(t *testing.T) *root.Root {
	t.Helper()
	r, _, err := root.Create(filepath.Join(t.TempDir(), "sync"), root.Config{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func dial(t *testing.T, r *root.Root) *Client {
	t.Helper()
	c, err := Dial(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func wantCode(t *testing.T, err error, code string) *api.Error {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got error %v (%T), want code %s", err, err, code)
	}
	return e
}

func TestRequestsReachTheDaemon(t *testing.T) {
	t.Parallel()
	f := &fake{
		invite: func(_ context.Context, req api.InviteRequest) (*api.InviteLine, error) {
			return &api.InviteLine{Code: "a-b-c-d-e", Relay: req.Relay}, nil
		},
		join: func(_ context.Context, req api.JoinRequest, progress func(api.ProgressLine)) (*api.JoinedLine, error) {
			progress(api.ProgressLine{Stage: "keys", Text: "<deriving>"})
			progress(api.ProgressLine{Stage: "meeting"})
			return &api.JoinedLine{Device: api.Device{Name: req.Code}, Timing: &api.Timing{Way: req.Timeout.String()}}, nil
		},
	}
	r := serve(t, f)
	c := dial(t, r)
	if got := c.Version(); got.Version != "v1.2.3" || got.Schema != api.Schema {
		t.Errorf("version is %+v", got)
	}
	st, err := c.Status(t.Context())
	if err != nil || st.State != api.StateRunning || st.Schema != api.Schema {
		t.Errorf("status is %+v, %v", st, err)
	}
	line, err := c.Invite(t.Context(), api.InviteRequest{Relay: "https://r"})
	if err != nil || line.Code != "a-b-c-d-e" || line.Relay != "https://r" || line.Type != api.TypeInvite {
		t.Errorf("invite is %+v, %v", line, err)
	}
	var stages []string
	joined, err := c.Join(t.Context(), api.JoinRequest{Code: "x", Timeout: time.Second}, func(p api.ProgressLine) {
		stages = append(stages, p.Stage+p.Text)
	})
	if err != nil || joined.Device.Name != "x" || joined.Timing.Way != "1s" || joined.Type != api.TypeJoined {
		t.Errorf("join is %+v, %v", joined, err)
	}
	if len(stages) != 2 || stages[0] != "keys<deriving>" || stages[1] != "meeting" {
		t.Errorf("progress is %q", stages)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-f.stopped
}

func TestErrorsComeBackWhole(t *testing.T) {
	t.Parallel()
	sent := api.Errorf(api.CodeUnreachable, "do this", "no way out")
	sent.Ways = []api.Way{{Name: "relay", Target: "https://r", Error: "refused"}}
	r := serve(t, &fake{
		status: func(context.Context) (*api.Status, error) { return nil, errors.New("boom") },
		invite: func(context.Context, api.InviteRequest) (*api.InviteLine, error) { return nil, sent },
		join: func(context.Context, api.JoinRequest, func(api.ProgressLine)) (*api.JoinedLine, error) {
			return nil, sent
		},
		events: func(context.Context, int64, func(api.Event) error) error { return sent },
	})
	c := dial(t, r)
	_, err := c.Status(t.Context())
	if e := wantCode(t, err, api.CodeUnexpected); e.Message != "boom" || e.Exit != api.ExitUnexpected {
		t.Errorf("got %+v", e)
	}
	_, inviteErr := c.Invite(t.Context(), api.InviteRequest{})
	_, joinErr := c.Join(t.Context(), api.JoinRequest{}, nil)
	eventsErr := c.Events(t.Context(), 0, func(api.Event) error { return nil })
	for _, err := range []error{inviteErr, joinErr, eventsErr} {
		e := wantCode(t, err, api.CodeUnreachable)
		if e.Hint != "do this" || !e.Retryable || len(e.Ways) != 1 || e.Ways[0] != sent.Ways[0] {
			t.Errorf("got %+v", e)
		}
	}
}

func TestNoDaemon(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	_, err := Dial(t.Context(), r)
	if e := wantCode(t, err, api.CodeNotRunning); e.Exit != api.ExitNotRunning {
		t.Errorf("exit is %d", e.Exit)
	}
	// What a daemon that was killed leaves: a socket that nobody listens on.
	path, _ := r.SocketPath()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	_, err = Dial(t.Context(), r)
	wantCode(t, err, api.CodeNotRunning)
	again, err := Listen(path)
	if err != nil {
		t.Fatalf("a stale socket is not taken over: %v", err)
	}
	again.Close()
}

// A daemon that hangs holds the lock and accepts nothing.
func TestDaemonThatHangs(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	lock, err := r.Lock(root.LockInfo{PID: 4711})
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = WaitReady(ctx, r)
	e := wantCode(t, err, api.CodeNotRunning)
	if want := "process 4711"; !contains(e.Message, want) {
		t.Errorf("%q does not name %s", e.Message, want)
	}
}

// A daemon that was killed lets its lock go a moment after its connections.
func TestDaemonThatDies(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	lock, err := r.Lock(root.LockInfo{PID: 4711})
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(deathPatience/5, func() { lock.Unlock() })
	e := wantCode(t, (&Client{root: r}).gone(io.ErrUnexpectedEOF), api.CodeNotRunning)
	if want := "stopped meanwhile"; !contains(e.Message, want) {
		t.Errorf("%q does not say %q", e.Message, want)
	}
}

func TestWaitReady(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	path, _ := r.SocketPath()
	got := make(chan error, 1)
	go func() {
		c, err := WaitReady(t.Context(), r)
		if err == nil {
			c.Close()
		}
		got <- err
	}()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, &fake{}) }()
	if err := <-got; err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestListenKeepsWhatIsNoSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if l, err := Listen(dir); err == nil {
		l.Close()
		t.Fatal("a directory was replaced by a socket")
	}
}
