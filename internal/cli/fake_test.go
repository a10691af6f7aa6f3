package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
)

// fakeDeps stand in for the daemon: what it does is decided by FAKE_*, which it
// inherits from the command that starts it. That it has a peer is a file, so
// that it is known when the daemon is not running.
func fakeDeps() Deps {
	return Deps{
		Version: "v9.9.9", Engine: "v2.1.2",
		RunDaemon: runFake,
		OfflineStatus: func(dir string) (*api.Status, error) {
			r, err := root.Open(dir)
			if err != nil {
				return nil, err
			}
			st := fakeStatus(r)
			st.State = api.StateStopped
			return st, nil
		},
		OfflineLog: func(context.Context, string, api.LogRequest) ([]api.Event, error) {
			return []api.Event{{Schema: api.Schema, ID: 3, Time: time.Now(), Type: api.EventFileReceived, Folder: "inbox",
				Path: "\x1b[31mred", Action: api.ActionNew, Kind: api.KindFile, Size: 7, Device: &api.Device{Name: "laptop"}}}, nil
		},
		OfflineDoctor: fakeOfflineDoctor,
		RunRelay: func(ctx context.Context, opts RelayOptions) error {
			opts.Ready("127.0.0.1:1")
			fmt.Fprintf(opts.Log, "%+v\n", opts.TrustedProxies)
			<-ctx.Done()
			return ctx.Err()
		},
	}
}

func runFake(ctx context.Context, opts DaemonOptions) error {
	if os.Getenv(codeEnv) != "" {
		return errors.New("the daemon was given a code")
	}
	switch os.Getenv("FAKE_START") {
	case "damaged":
		return api.Errorf(api.CodeDamaged, "Put back a copy.", "the certificate cannot be read")
	case "panic":
		panic("boom")
	}
	r, err := root.Open(opts.Root)
	if err != nil {
		return err
	}
	if _, err := r.Config(); err != nil {
		return err
	}
	socket, err := r.SocketPath()
	if err != nil {
		return err
	}
	version := os.Getenv("FAKE_VERSION")
	if version == "" {
		version = "v9.9.9"
	}
	lock, err := r.Lock(root.LockInfo{PID: os.Getpid(), Version: version, StartedAt: time.Now(), Socket: socket})
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if os.Getenv("FAKE_START") == "hang" {
		if err := os.WriteFile(filepath.Join(r.Dir(), "hangs"), nil, 0o600); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
	l, err := control.Listen(socket)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if opts.Log != nil {
		fmt.Fprintln(opts.Log, "the daemon is starting")
	}
	f := &fake{root: r, version: version, stop: stop, events: make(chan struct{})}
	opts.Ready()
	return control.Serve(ctx, l, f)
}

type fake struct {
	control.Waits // not asked for
	fakeDoctor
	fakeNotify
	fakeDevices
	fakeHistory
	fakeConflicts

	root    *root.Root
	version string
	stop    func()

	mu     sync.Mutex
	log    []api.Event
	events chan struct{} // closed when log grows
}

func peerFile(r *root.Root) string { return filepath.Join(r.NetworkDir(), "peer") }

func fakeStatus(r *root.Root) *api.Status {
	cfg, _ := r.Config()
	st := &api.Status{
		Schema: api.Schema, Version: "v9.9.9", State: api.StateRunning, Root: r.Dir(),
		Device:  api.Device{ID: "SELF", Name: cfg.Name, Role: cfg.Role},
		Folders: []api.Folder{{Name: "shared", State: api.FolderIdle, Files: 2, Bytes: 3000}},
		Peers:   []api.Peer{}, Invites: []api.Invite{}, Problems: []api.Problem{},
	}
	if name, err := os.ReadFile(peerFile(r)); err == nil {
		st.Network = &api.Network{ID: "NETWORK", Devices: 2}
		st.Peers = append(st.Peers, api.Peer{Device: api.Device{ID: "PEER", Name: string(name)}, Connected: true, Via: api.ViaLAN})
	}
	if os.Getenv("FAKE_PROBLEM") != "" {
		st.Problems = append(st.Problems, api.Problem{Code: "disk_full", Message: "the disk is full", Hint: "Make room."})
	}
	return st
}

func (f *fake) Version() api.Version { return api.Version{Version: f.version} }

func (f *fake) Status(context.Context) (*api.Status, error) { return fakeStatus(f.root), nil }

func (f *fake) Ignores(_ context.Context, req api.IgnoresRequest) (*api.Ignores, error) {
	secret := api.IgnoreReason{Pattern: ".env", Class: "secret", Why: "secret", From: "default"}
	out := &api.Ignores{Path: req.Path, Total: 3, Entries: []api.IgnoredOne{{Path: "shared/.env", Size: 5, IgnoreReason: secret}},
		Problems: []api.Problem{{Code: "ignores_invalid", Message: "a line is bad"}}}
	if req.Limit == -1 {
		out.Total = 1
	}
	if req.Path != "" {
		out.Explained = &api.Explained{Ignored: true, IgnoreReason: secret}
	}
	return out, nil
}

func (f *fake) emit(e api.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.ID = int64(len(f.log) + 1)
	f.log = append(f.log, e)
	close(f.events)
	f.events = make(chan struct{})
}

// The code is always the same: a script can name it.
const fakeCode = "walrus-velvet-canyon-puppet-catnip"

func (f *fake) Invite(_ context.Context, req api.InviteRequest) (*api.InviteLine, error) {
	cfg, err := f.root.Config()
	if err != nil {
		return nil, err
	}
	line := &api.InviteLine{ID: "i1", Code: fakeCode, ExpiresAt: time.Now().Add(10 * time.Minute), Root: f.root.Dir(),
		Device: api.Device{ID: "SELF", Name: cfg.Name, Role: cfg.Role}, Relay: req.Relay, Command: "botsync join " + fakeCode}
	if req.Relay != "" {
		line.Command += " --relay " + req.Relay
	}
	switch os.Getenv("FAKE_GUEST") {
	case "comes":
		f.emit(api.Event{Type: api.EventInviteJoined, Invite: "another", Device: &api.Device{Name: "not this one"}})
		f.emit(api.Event{Type: api.EventInviteJoined, Invite: "i1", Device: &api.Device{ID: "PEER", Name: "lap\x1b[31mtop", Role: api.RoleHuman}})
	case "stays away":
		f.emit(api.Event{Type: api.EventInviteExpired, Invite: "i1"})
	}
	return line, nil
}

func (f *fake) Join(ctx context.Context, req api.JoinRequest, progress func(api.ProgressLine)) (*api.JoinedLine, error) {
	progress(api.ProgressLine{Stage: "meeting", Text: "looking"})
	how := os.Getenv("FAKE_JOIN")
	if _, err := os.Stat(peerFile(f.root)); err == nil {
		return nil, api.Errorf(api.CodeInNetwork, "Use another root.", "this root is in a network already")
	}
	switch how {
	case "hang":
		ctx, cancel := context.WithTimeout(ctx, req.Timeout)
		defer cancel()
		<-ctx.Done()
		return nil, api.Errorf(api.CodeTimeout, "Try again.", "the time ran out before the other side was found")
	case "deaf":
		<-ctx.Done()
		return nil, ctx.Err()
	case "late":
		if err := os.WriteFile(peerFile(f.root), []byte("agent"), 0o600); err != nil {
			return nil, err
		}
		return nil, api.Errorf(api.CodeTimeout, "They go on trying.", "paired, but not connected in time")
	case "":
		if err := os.WriteFile(peerFile(f.root), []byte("agent"), 0o600); err != nil {
			return nil, err
		}
		network := "n-" + strings.ReplaceAll(req.Code, "-", "")
		return &api.JoinedLine{Device: api.Device{ID: "PEER", Name: "agent"}, Network: &api.Network{ID: network, Devices: 2}, Timing: &api.Timing{}}, nil
	}
	return nil, api.Errorf(how, "Ask for a new code.", "this is %s", how)
}

func (f *fake) Events(ctx context.Context, since int64, emit func(api.Event) error) error {
	next := since
	if since < 0 {
		f.mu.Lock()
		next = int64(len(f.log))
		f.mu.Unlock()
	}
	for {
		f.mu.Lock()
		news, more := f.log[next:], f.events
		f.mu.Unlock()
		for _, e := range news {
			next = e.ID
			if err := emit(e); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-more:
		}
	}
}

func (f *fake) Stop() { f.stop() }
