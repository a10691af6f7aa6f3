package mcp

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

var laptop = &api.Device{ID: "LAPTOP", Name: "laptop"}

func late(cursor int64, missing ...api.Lack) error {
	e := api.Errorf(api.CodeTimeout, "", "the time ran out")
	e.Cursor, e.Missing = cursor, missing
	return e
}

func TestWaitForPaths(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	var asked api.PathsRequest
	end := late(0)
	serve(t, r, &fake{paths: func(_ context.Context, req api.PathsRequest, on func(api.FileHere) error) error {
		asked = req
		if err := on(api.FileHere{Path: "inbox/a", Kind: api.KindFile, Size: 7, Device: laptop}); err != nil {
			return err
		}
		return end
	}})
	s := connect(t, of(r), nil)
	out := call[waitFilesOutput](t, s, "wait_for_files", map[string]any{"paths": []string{"inbox/./a", r.Folder("shared") + "/b"}, "timeout_seconds": 7})
	if diff := cmp.Diff(api.PathsRequest{Paths: []string{"inbox/a", "shared/b"}, Timeout: 7 * time.Second}, asked); diff != "" {
		t.Error(diff)
	}
	if out.Complete || len(out.Files) != 1 || out.Files[0].Device != "laptop" || !cmp.Equal(out.Missing, []string{"shared/b"}) {
		t.Errorf("%+v", out)
	}
	end = nil
	if out := call[waitFilesOutput](t, s, "wait_for_files", map[string]any{"paths": []string{"inbox/a"}}); !out.Complete || out.Missing != nil {
		t.Errorf("%+v", out)
	}
	for _, bad := range []map[string]any{
		{"paths": []string{"/etc/passwd"}}, {"paths": []string{"../x"}}, {"paths": []string{""}}, {"paths": []string{".botsync/config.toml"}},
		{"paths": []string{"inbox/a"}, "cursor": 1}, {"directory": ".."}, {"timeout_seconds": 3601}, {"timeout_seconds": 0}, {"count": 0}, {"cursor": -1},
	} {
		refuse(t, s, "wait_for_files", bad)
	}
}

func TestWaitForNewFiles(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	var asked api.NewRequest
	var then func(ctx context.Context, on func(api.NewFile) error) error
	serve(t, r, &fake{newer: func(ctx context.Context, req api.NewRequest, on func(api.NewFile) error) error {
		asked = req
		if err := on(api.NewFile{Type: api.TypeWaiting, Cursor: 40}); err != nil {
			return err
		}
		return then(ctx, on)
	}})
	land := func(on func(api.NewFile) error, cursors ...int64) error {
		for _, c := range cursors {
			if err := on(api.NewFile{Type: api.TypeFile, Cursor: c, Path: "inbox/" + hostile, Kind: api.KindFile, Action: api.ActionNew, Device: laptop}); err != nil {
				return err
			}
		}
		return nil
	}
	s := connect(t, of(r), nil)

	// What lands together comes together.
	then = func(ctx context.Context, on func(api.NewFile) error) error {
		if err := land(on, 41, 42, 43); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
	out := call[waitFilesOutput](t, s, "wait_for_files", map[string]any{"directory": "inbox", "cursor": 39})
	if !out.Complete || len(out.Files) != 3 || out.Cursor != 43 || *asked.Since != 39 || asked.Dir != "inbox" || asked.Timeout != standardWait*time.Second {
		t.Errorf("%+v, asked %+v", out, asked)
	}
	if e := out.Files[0]; strings.ContainsAny(e.Path, "\x1b\n\u202e") || !strings.Contains(e.PercentEncoded, "inbox/a%1B%5B31m%0A") || e.Device != "laptop" {
		t.Errorf("%+v", e)
	}
	// Not a file more than wanted, if it has to be quick.
	out = call[waitFilesOutput](t, s, "wait_for_files", map[string]any{"count": 2, "settle_seconds": 0})
	if !out.Complete || len(out.Files) != 2 || out.Cursor != 42 || asked.Since != nil || asked.Dir != "" {
		t.Errorf("%+v, asked %+v", out, asked)
	}
	// The time is up: the cursor is there all the same.
	then = func(_ context.Context, on func(api.NewFile) error) error { return late(44) }
	if out = call[waitFilesOutput](t, s, "wait_for_files", nil); out.Complete || out.Cursor != 44 || out.Files == nil || out.Note != "" {
		t.Errorf("%+v", out)
	}
	// Something goes wrong on the way: what landed is not lost.
	then = func(_ context.Context, on func(api.NewFile) error) error {
		if err := land(on, 45); err != nil {
			return err
		}
		return api.Errorf(api.CodeDamaged, "Look.", "the log is damaged")
	}
	if out = call[waitFilesOutput](t, s, "wait_for_files", map[string]any{"count": 5}); out.Complete || out.Cursor != 45 || !strings.Contains(out.Note, "The log is damaged. Look.") {
		t.Errorf("%+v", out)
	}
}

func TestWaitUntilSynced(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	var asked api.SyncedRequest
	line, end := &api.SyncedLine{Peers: []api.Lack{{Device: *laptop}}, Offline: []api.Device{{ID: "P", Name: "phone"}}}, error(nil)
	serve(t, r, &fake{synced: func(_ context.Context, req api.SyncedRequest, _ func(api.SyncedLine)) (*api.SyncedLine, error) {
		asked = req
		return line, end
	}})
	s := connect(t, of(r), nil)
	out := call[syncedOutput](t, s, "wait_until_synced", map[string]any{"peers": []string{"laptop"}, "timeout_seconds": 60})
	if !out.Synced || out.Peers[0].Name != "laptop" || out.Offline[0].Name != "phone" || asked.Timeout != time.Minute || asked.Peers[0] != "laptop" {
		t.Errorf("%+v, asked %+v", out, asked)
	}
	line, end = nil, late(0, api.Lack{Device: *laptop, Files: 2, Names: []string{"inbox/" + hostile}, Why: "it is not connected"})
	out = call[syncedOutput](t, s, "wait_until_synced", nil)
	if out.Synced || len(out.Missing) != 1 || out.Missing[0].Files != 2 || strings.Contains(out.Missing[0].Names[0], "\x1b") {
		t.Errorf("%+v", out)
	}
	end = api.Errorf(api.CodeUsage, "See status.", "there is no device x")
	if msg := refuse(t, s, "wait_until_synced", nil); msg != "There is no device x. See status. (usage)" {
		t.Error(msg)
	}
}

// A client that takes progress for a sign of life gets it, and none after the
// answer.
func TestProgress(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	told := make(chan string, 100)
	reported := make(chan struct{})
	serve(t, r, &fake{synced: func(ctx context.Context, _ api.SyncedRequest, progress func(api.SyncedLine)) (*api.SyncedLine, error) {
		progress(api.SyncedLine{Peers: []api.Lack{{Device: *laptop, Files: 3, Bytes: 1024}}})
		select {
		case <-reported:
		case <-ctx.Done():
		}
		return &api.SyncedLine{}, nil
	}})
	s := connect(t, of(r), &mcp.ClientOptions{ProgressNotificationHandler: func(_ context.Context, req *mcp.ProgressNotificationClientRequest) {
		if req.Params.ProgressToken == "p1" {
			told <- req.Params.Message
			if strings.Contains(req.Params.Message, "laptop lacks 3 files, 1.0 KiB") {
				close(reported)
			}
		}
	}})
	params := &mcp.CallToolParams{Name: "wait_until_synced"}
	params.SetProgressToken("p1")
	if res, err := s.CallTool(t.Context(), params); err != nil || res.IsError {
		t.Fatal(err, text(res))
	}
	if len(told) == 0 || len(told) > 3 {
		t.Errorf("%d reports", len(told))
	}
}

// What is waited for in vain is still reported, each time further on.
func TestProgressGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []float64
		in, out := mcp.NewInMemoryTransports()
		server := mcp.NewServer(&mcp.Implementation{Name: "s"}, nil)
		session, err := server.Connect(t.Context(), in, nil)
		if err != nil {
			t.Fatal(err)
		}
		client, err := mcp.NewClient(&mcp.Implementation{Name: "c"}, &mcp.ClientOptions{
			ProgressNotificationHandler: func(_ context.Context, req *mcp.ProgressNotificationClientRequest) {
				at = append(at, req.Params.Progress)
			},
		}).Connect(t.Context(), out, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := newServer(Options{Root: func() (*root.Root, error) { return nil, context.Canceled }})
		params := &mcp.CallToolParamsRaw{}
		params.SetProgressToken("p")
		_, w := s.wait(t.Context(), &mcp.CallToolRequest{Session: session, Params: params}, time.Minute)
		time.Sleep(20*time.Second + progressPause/10)
		w.say("waiting") // is nothing new
		synctest.Wait()
		w.say("soon")
		synctest.Wait()
		w.say("now")
		synctest.Wait()
		w.end()
		synctest.Wait()
		rising := slices.IsSortedFunc(at, func(a, b float64) int {
			if a <= b {
				return -1
			}
			return 1
		})
		if len(at) != 7 || at[4] < 19 || !rising {
			t.Errorf("reports at %v", at)
		}
		s.depart()
		client.Close()
		session.Close()
		synctest.Wait()
	})
}

// What the client cancels ends in the daemon, and so does what waits when the
// client goes away.
func TestCancelling(t *testing.T) {
	t.Parallel()
	for _, leave := range []bool{false, true} {
		r := newRoot(t, root.MCP{})
		waits, ended := make(chan struct{}), make(chan struct{})
		serve(t, r, &fake{newer: func(ctx context.Context, _ api.NewRequest, on func(api.NewFile) error) error {
			close(waits)
			<-ctx.Done()
			close(ended)
			return ctx.Err()
		}})
		s, client := connectAs(t, "", of(r), nil)
		ctx, cancel := context.WithCancel(t.Context())
		called := make(chan error, 1)
		go func() {
			_, err := s.CallTool(ctx, &mcp.CallToolParams{Name: "wait_for_files", Arguments: map[string]any{"timeout_seconds": 3600}})
			called <- err
		}()
		<-waits
		if leave {
			client.Close()
		} else {
			cancel()
		}
		<-ended
		if !leave {
			if err := <-called; err == nil {
				t.Error("a call that was cancelled succeeded")
			}
			if tools, err := s.ListTools(t.Context(), nil); err != nil || len(tools.Tools) == 0 {
				t.Errorf("after a cancelled call: %v", err)
			}
		}
		cancel()
	}
}
