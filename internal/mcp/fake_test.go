package mcp

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
)

func TestMain(m *testing.M) {
	updatePause /= 10
	os.Exit(m.Run())
}

// fake is a daemon up to the local API, of which each test brings what it needs.
type fake struct {
	control.Backend // what is not asked for

	status  func() *api.Status
	synced  func(context.Context, api.SyncedRequest, func(api.SyncedLine)) (*api.SyncedLine, error)
	paths   func(context.Context, api.PathsRequest, func(api.FileHere) error) error
	newer   func(context.Context, api.NewRequest, func(api.NewFile) error) error
	send    func(context.Context, api.SendRequest, func(api.SendLine)) (*api.SentLine, error)
	log     func(api.LogRequest) []api.Event
	doctor  func(api.DoctorRequest) *api.Doctor
	history func(api.HistoryRequest) *api.History
	restore func(api.RestoreRequest) *api.RestoredLine
	undo    func(api.UndoRequest) *api.UndoneLine
	invited int

	mu     sync.Mutex
	events chan struct{} // closed when something happens
}

func (f *fake) Version() api.Version { return api.Version{Version: "v9.9.9"} }

func (f *fake) Status(context.Context) (*api.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status == nil {
		return &api.Status{State: api.StateRunning}, nil
	}
	return f.status(), nil
}

func (f *fake) Invite(_ context.Context, req api.InviteRequest) (*api.InviteLine, error) {
	f.invited++
	return &api.InviteLine{Code: "walrus-velvet-canyon-puppet-catnip", Command: "botsync join walrus-velvet-canyon-puppet-catnip", Ticket: req.Ticket}, nil
}

// happen changes the status and says so.
func (f *fake) happen(status func() *api.Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = status
	close(f.events)
	f.events = make(chan struct{})
}

func (f *fake) Events(ctx context.Context, _ int64, emit func(api.Event) error) error {
	f.mu.Lock()
	events := f.events
	f.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-events:
		}
		f.mu.Lock()
		events = f.events // before what changed is told, so that nothing is missed
		f.mu.Unlock()
		if err := emit(api.Event{ID: 1, Type: api.EventFolderState}); err != nil {
			return err
		}
	}
}

func (f *fake) WaitSynced(ctx context.Context, req api.SyncedRequest, progress func(api.SyncedLine)) (*api.SyncedLine, error) {
	return f.synced(ctx, req, progress)
}

func (f *fake) WaitPaths(ctx context.Context, req api.PathsRequest, on func(api.FileHere) error) error {
	return f.paths(ctx, req, on)
}

func (f *fake) WaitNew(ctx context.Context, req api.NewRequest, on func(api.NewFile) error) error {
	return f.newer(ctx, req, on)
}

func (f *fake) Send(ctx context.Context, req api.SendRequest, progress func(api.SendLine)) (*api.SentLine, error) {
	return f.send(ctx, req, progress)
}

func (f *fake) Log(_ context.Context, req api.LogRequest) ([]api.Event, error) {
	return f.log(req), nil
}

func (f *fake) History(_ context.Context, req api.HistoryRequest) (*api.History, error) {
	return f.history(req), nil
}

func (f *fake) Restore(_ context.Context, req api.RestoreRequest) (*api.RestoredLine, error) {
	return f.restore(req), nil
}

func (f *fake) Undo(_ context.Context, req api.UndoRequest) (*api.UndoneLine, error) {
	return f.undo(req), nil
}

// newRoot makes a root whose path is short enough for a socket.
func newRoot(t testing.TB, cfg root.MCP) *root.Root {
	t.Helper()
	dir, err := os.MkdirTemp("", "bs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r, _, err := root.Create(filepath.Join(dir, "sync"), root.Config{Name: "agent", MCP: cfg})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// serve runs f as the daemon of r until stop is called or the test ends.
func serve(t *testing.T, r *root.Root, f *fake) (stop func()) {
	t.Helper()
	f.mu.Lock()
	f.events = make(chan struct{})
	f.mu.Unlock()
	path, err := r.SocketPath()
	if err != nil {
		t.Fatal(err)
	}
	var l net.Listener
	if l, err = control.Listen(path); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := control.Serve(ctx, l, f); err != nil {
			t.Errorf("Serve: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// connect is the SDK's own client of a server, of the newest protocol.
func connect(t *testing.T, opts Options, client *mcp.ClientOptions) *mcp.ClientSession {
	t.Helper()
	session, _ := connectAs(t, "", opts, client)
	return session
}

// connectAs is connect with a version of the protocol, and with what the client
// writes to: to close it is to go away.
func connectAs(t *testing.T, version string, opts Options, client *mcp.ClientOptions) (*mcp.ClientSession, io.Closer) {
	t.Helper()
	fromClient, toServer := pipe(t)
	fromServer, toClient := pipe(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := Run(ctx, opts, fromClient, toClient); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "v1"}, client).
		Connect(t.Context(), &mcp.IOTransport{Reader: fromServer, Writer: toServer}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		session.Close()
		cancel()
		<-done
	})
	return session, toServer
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func of(r *root.Root) Options {
	return Options{Version: "v1.2.3", Root: func() (*root.Root, error) { return root.Open(r.Dir()) }}
}
