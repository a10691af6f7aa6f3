package mcp

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

func TestSendFiles(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	r := newRoot(t, root.MCP{SendFrom: []string{filepath.Join(outside, "allowed")}})
	for _, path := range []string{"allowed/report.md", "secret/key"} {
		path = filepath.Join(outside, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{
		r.Folder("inbox") + "/out": filepath.Join(outside, "secret"), r.Folder("inbox") + "/key": filepath.Join(outside, "secret/key"),
		r.Folder("inbox") + "/state": r.StateDir(), r.Folder("inbox") + "/config": r.ConfigPath(), r.Folder("inbox") + "/ok": r.ReadmePath(),
		filepath.Join(outside, "allowed/up"): "..", r.Folder("inbox") + "/dangling": filepath.Join(outside, "none"),
	}
	for link, target := range links {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	var asked api.SendRequest
	end := error(nil)
	serve(t, r, &fake{send: func(_ context.Context, req api.SendRequest, progress func(api.SendLine)) (*api.SentLine, error) {
		asked = req
		progress(api.SendLine{Type: api.TypeFile, Path: "deliverables/report.md", Size: 3, SHA256: "ab"})
		if req.Wait && end == nil {
			progress(api.SendLine{Type: api.TypeReceived, Path: "deliverables/report.md", Device: laptop, Time: time.Unix(1, 0)})
		}
		return &api.SentLine{Bytes: 3}, end
	}})
	s := connect(t, of(r), nil)
	real := func(path string) string {
		t.Helper()
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			t.Fatal(err)
		}
		return real
	}
	files := []string{"BOTSYNC.md", r.Folder("shared"), filepath.Join(outside, "allowed", "report.md"), "inbox/ok"}
	out := call[sendOutput](t, s, "send_files", map[string]any{"files": files, "to": "shared/x", "wait": true, "peers": []string{"laptop"}})
	want := api.SendRequest{
		Sources: []api.SendSource{{Path: real(r.ReadmePath()), Name: "BOTSYNC.md", Within: real(r.Dir())},
			{Path: real(r.Folder("shared")), Name: "shared", Within: real(r.Folder("shared"))},
			{Path: real(files[2]), Name: "report.md", Within: real(filepath.Dir(files[2]))},
			{Path: real(r.ReadmePath()), Name: "ok", Within: real(r.Dir())}},
		To: "shared/x", Wait: true, Peers: []string{"laptop"}, Timeout: standardWait * time.Second,
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	if out.Received == nil || !*out.Received || out.Sent != 1 || out.Files[0].Receipts[0].Name != "laptop" {
		t.Errorf("%+v", out)
	}
	// What is in place is told although the receipts did not come.
	end = late(0)
	out = call[sendOutput](t, s, "send_files", map[string]any{"files": []string{"BOTSYNC.md"}, "wait": true})
	if *out.Received || out.Sent != 1 || !strings.Contains(out.Note, "time ran out") || asked.To != "" { // the daemon knows the role
		t.Errorf("%+v, asked %+v", out, asked)
	}
	end, asked = nil, api.SendRequest{}
	if out = call[sendOutput](t, s, "send_files", map[string]any{"files": []string{"BOTSYNC.md"}}); out.Received != nil {
		t.Errorf("%+v", out)
	}
	asked = api.SendRequest{}
	for _, bad := range []string{
		".botsync", ".botsync/config.toml", "shared/../.botsync/identity", ".", "", r.Dir(), filepath.Dir(r.Dir()), "/etc/passwd", "/", "../x", "~/x",
		"inbox/out", "inbox/out/key", "inbox/key", "inbox/state", "inbox/config", "inbox/state/identity", "inbox/dangling", "inbox/none",
		filepath.Join(outside, "secret", "key"), filepath.Join(outside, "allowed", "up", "secret", "key"), filepath.Join(outside, "allowed", "up"),
		filepath.Join(outside, "allowed", "..", "secret", "key"), "a\x00", "//etc/passwd", r.StateDir(), strings.ToUpper(r.StateDir()),
	} {
		msg := refuse(t, s, "send_files", map[string]any{"files": []string{"BOTSYNC.md", bad}})
		if len(asked.Sources) != 0 {
			t.Fatalf("%q was sent", bad)
		}
		if strings.HasPrefix(bad, outside) && !strings.Contains(msg, "send_from") {
			t.Errorf("%q: %s", bad, msg)
		}
	}
	for _, bad := range []map[string]any{
		{"files": []string{}}, {}, {"files": []string{"BOTSYNC.md"}, "to": ".."}, {"files": []string{"BOTSYNC.md"}, "to": ".botsync"},
		{"files": []string{"BOTSYNC.md"}, "to": "other"},
	} {
		refuse(t, s, "send_files", bad)
	}
	if len(asked.Sources) != 0 {
		t.Errorf("sent %+v", asked)
	}
}

func TestRecentChanges(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	var asked api.LogRequest
	var events []api.Event
	serve(t, r, &fake{log: func(req api.LogRequest) []api.Event {
		if req.All {
			return []api.Event{{ID: 90, Type: api.EventPeerConnected}}
		}
		asked = req
		return events
	}})
	s := connect(t, of(r), nil)
	for id := range 5 {
		events = append(events, api.Event{ID: int64(id + 81), Type: api.EventFileReceived, Folder: "inbox", Path: hostile, Action: api.ActionDeleted, Device: laptop})
	}
	events[4].Type = api.EventFileChanged
	since := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	out := call[changesOutput](t, s, "recent_changes", map[string]any{"since": since, "by": "laptop", "path": "inbox/", "limit": 5})
	if diff := cmp.Diff(api.LogRequest{Since: since, By: "laptop", Path: "inbox", Limit: 5}, asked); diff != "" {
		t.Error(diff)
	}
	if len(out.Changes) != 5 || out.Cursor != 90 || out.More || out.Changes[0].Here || !out.Changes[4].Here || out.Changes[0].PercentEncoded == "" {
		t.Errorf("%+v", out)
	}
	out = call[changesOutput](t, s, "recent_changes", map[string]any{"cursor": 80, "limit": 2})
	if len(out.Changes) != 2 || out.Cursor != 82 || !out.More || asked.After != 80 {
		t.Errorf("%+v, asked %+v", out, asked)
	}
	events = nil
	if out = call[changesOutput](t, s, "recent_changes", map[string]any{"cursor": 95}); out.Cursor != 95 || out.Changes == nil {
		t.Errorf("%+v", out)
	}
	refuse(t, s, "recent_changes", map[string]any{"since": "yesterday"})
}
