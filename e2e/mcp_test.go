//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// agentTools is the SDK's own client of "botsync mcp" on a node, of one version of
// the protocol.
type agentTools struct {
	t *testing.T
	*mcp.ClientSession
}

func startMCP(t *testing.T, n *botsynctest.Node, version string, opts *mcp.ClientOptions, args ...string) agentTools {
	t.Helper()
	// The context of a test ends before its cleanup does.
	cmd := n.Command(context.Background(), append([]string{"mcp"}, args...)...)
	cmd.Stderr = os.Stderr
	s, err := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "v1"}, opts).Connect(t.Context(), &mcp.CommandTransport{Command: cmd},
		&mcp.ClientSessionOptions{ProtocolVersion: version})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) }) // an exit status other than 0 is an error
	return agentTools{t, s}
}

// call calls a tool, and returns the structured answer, or the text of the error.
func (a agentTools) call(name string, args any, into any) (failed string) {
	a.t.Helper()
	res, err := a.CallTool(a.t.Context(), &mcp.CallToolParams{Name: name, Arguments: args})
	must(a.t, err)
	if res.IsError {
		return res.Content[0].(*mcp.TextContent).Text
	}
	data, err := json.Marshal(res.StructuredContent)
	must(a.t, err, json.Unmarshal(data, into))
	return ""
}

func (a agentTools) must(name string, args any, into any) {
	a.t.Helper()
	if failed := a.call(name, args, into); failed != "" {
		a.t.Fatalf("%s: %s", name, failed)
	}
}

type object = map[string]any

// entries are the files in the answers of the tools.
type entries struct {
	Complete, Synced bool
	Received         bool
	Cursor           int64
	Files            []struct {
		Path, Device string
		Size         int64
		Receipts     []struct{ Name string }
	}
	Changes []struct{ Path, Action, Device string }
	Peers   []struct{ Name string }
}

// Every tool against real daemons.
func TestMCP(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	config, err := os.ReadFile(agent.Path(".botsync", "config.toml"))
	must(t, err, os.WriteFile(agent.Path(".botsync", "config.toml"), []byte(strings.Replace(string(config), "allow_invite = false", "allow_invite = true", 1)), 0o600))
	updated := make(chan string, 100)
	a := startMCP(t, agent, "2025-11-25", &mcp.ClientOptions{ResourceUpdatedHandler: func(_ context.Context, req *mcp.ResourceUpdatedNotificationRequest) {
		select {
		case updated <- req.Params.URI:
		default:
		}
	}})
	tools, err := a.ListTools(t.Context(), nil)
	must(t, err)
	if len(tools.Tools) != 13 {
		t.Errorf("%d tools", len(tools.Tools))
	}

	var st api.Status
	a.must("status", nil, &st)
	if len(st.Peers) != 1 || st.Peers[0].Name != "laptop" || !st.Peers[0].Connected || st.Root != agent.Root {
		t.Errorf("status: %+v", st)
	}
	times := make([]time.Duration, 21)
	for i := range times {
		start := time.Now()
		a.must("status", nil, &st)
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	t.Logf("status: %v in the middle, %v at most", times[len(times)/2], times[len(times)-1])

	// A task lands, is found, and its result is handed over.
	var first, out entries
	a.must("wait_for_files", object{"directory": "inbox", "timeout_seconds": 1}, &first)
	if first.Complete || first.Files == nil {
		t.Errorf("waiting in vain: %+v", first)
	}
	laptop.Write("inbox/task.md", "do it\n")
	a.must("wait_for_files", object{"directory": "inbox", "cursor": first.Cursor}, &out)
	if !out.Complete || len(out.Files) != 1 || out.Files[0].Path != "inbox/task.md" || out.Files[0].Device != "laptop" || out.Files[0].Size != 6 {
		t.Errorf("a new file: %+v", out)
	}
	out = entries{}
	a.must("wait_for_files", object{"paths": []string{"inbox/task.md"}}, &out)
	if !out.Complete || len(out.Files) != 1 {
		t.Errorf("a file that is there: %+v", out)
	}
	out = entries{}
	a.must("list_files", object{"pattern": "*.md"}, &out)
	if len(out.Files) != 1 || out.Files[0].Path != "inbox/task.md" {
		t.Errorf("list: %+v", out)
	}
	agent.Write(".work/result.md", "done\n")
	out = entries{}
	a.must("send_files", object{"files": []string{".work/result.md"}, "wait": true, "peers": []string{"laptop"}}, &out)
	if !out.Received || len(out.Files) != 1 || out.Files[0].Path != "deliverables/result.md" || len(out.Files[0].Receipts) != 1 {
		t.Errorf("send: %+v", out)
	}
	if got, err := os.ReadFile(laptop.Path("deliverables", "result.md")); err != nil || string(got) != "done\n" {
		t.Errorf("there is a receipt for %q, %v", got, err)
	}
	agent.Write("shared/mine.md", "mine\n")
	out = entries{}
	a.must("wait_until_synced", nil, &out)
	if got, err := os.ReadFile(laptop.Path("shared", "mine.md")); err != nil || !out.Synced || len(out.Peers) != 1 {
		t.Errorf("synced: %+v, but %q, %v", out, got, err)
	}
	out = entries{}
	a.must("recent_changes", object{"by": "laptop"}, &out)
	if len(out.Changes) != 1 || out.Changes[0].Path != "inbox/task.md" || out.Changes[0].Action != api.ActionNew || out.Cursor == 0 {
		t.Errorf("changes: %+v", out)
	}

	// Its own mistake: the other device has what was there.
	must(t, os.Remove(agent.Path("shared", "mine.md")))
	botsynctest.Await(t, "the deletion arrives", func() bool { _, err := os.Lstat(laptop.Path("shared", "mine.md")); return os.IsNotExist(err) })
	var old struct {
		Versions []struct {
			Path, Change, Device string
			Here                 bool
			Peers                []string
		}
	}
	a.must("history", object{"path": "shared", "deleted": true}, &old)
	if len(old.Versions) != 1 || old.Versions[0].Path != "shared/mine.md" || old.Versions[0].Change != api.ActionDeleted || old.Versions[0].Here || len(old.Versions[0].Peers) != 1 {
		t.Errorf("history: %+v", old)
	}
	var back struct{ Restored int }
	a.must("undo", object{"by": "self", "since": time.Now().Add(-time.Minute), "path": "shared", "dry_run": true}, &back)
	if _, err := os.Lstat(agent.Path("shared", "mine.md")); back.Restored != 1 || err == nil {
		t.Errorf("undo, dry: %+v, %v", back, err)
	}
	a.must("undo", object{"by": "self", "since": time.Now().Add(-time.Minute), "path": "shared"}, &back)
	agent.AwaitFile("shared/mine.md", "mine\n")
	laptop.Write("shared/mine.md", "not yours\n")
	agent.AwaitFile("shared/mine.md", "not yours\n")
	a.must("restore", object{"path": "shared/mine.md"}, &back)
	laptop.AwaitFile("shared/mine.md", "mine\n")

	var invite struct{ Code, Command string }
	a.must("invite", nil, &invite)
	if !strings.Contains(invite.Command, invite.Code) || len(strings.Split(invite.Code, "-")) != 5 {
		t.Errorf("invite: %+v", invite)
	}

	// A link that a peer made leads nowhere.
	must(t, os.Symlink("/etc/hostname", laptop.Path("inbox", "link")), os.Symlink("..", laptop.Path("inbox", "up")))
	a.must("wait_for_files", object{"paths": []string{"inbox/link", "inbox/up"}}, &out)
	for _, path := range []string{"inbox/link", "inbox/up/.botsync/config.toml", "inbox/up/.botsync/identity"} {
		if failed := a.call("send_files", object{"files": []string{path}}, nil); !strings.Contains(failed, api.CodeForbidden) {
			t.Errorf("%s was sent: %q", path, failed)
		}
	}
	if failed := a.call("list_files", object{"path": "inbox/up"}, nil); failed == "" {
		t.Error("the root was listed")
	}

	// The daemon goes, which is announced, and comes back.
	must(t, a.Subscribe(t.Context(), &mcp.SubscribeParams{URI: "botsync://status"}))
	agent.Must("stop")
	if uri := <-updated; uri != "botsync://status" {
		t.Error(uri)
	}
	if failed := a.call("status", nil, nil); !strings.Contains(failed, "botsync start") {
		t.Errorf("without a daemon: %q", failed)
	}
	b := startMCP(t, agent, "2026-07-28", nil, "--start")
	b.must("status", nil, &st)
	a.must("status", nil, &st)
	if st.State != api.StateRunning {
		t.Errorf("%+v", st)
	}
}
