//go:build linux

package npm

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/botsynctest"
)

// inspector is the command line of MCP's official inspector.
type inspector struct {
	t      *testing.T
	node   string
	script string
	home   string
	on     *botsynctest.Node
}

// run makes one request of a new "botsync mcp". The exit status is not 0 if it
// failed, also if a tool says that it did.
func (i inspector) run(args ...string) (stdout string, ok bool) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), botsynctest.Patience)
	defer cancel()
	server := i.on.Command(ctx, "mcp")
	args = append(append([]string{i.script, "--cli"}, args...), "--")
	cmd := exec.CommandContext(ctx, i.node, append(args, server.Args...)...)
	// The inspector keeps a little in the home directory; the server is told its
	// root by a flag.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + i.home}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		i.t.Fatalf("%q did not end: %s%s", args, &out, &errs)
	}
	if errs.Len() > 0 {
		i.t.Logf("%q: %s", args[2:], &errs)
	}
	return out.String(), err == nil
}

func (i inspector) must(into any, args ...string) {
	i.t.Helper()
	out, ok := i.run(args...)
	if err := json.Unmarshal([]byte(out), into); !ok || err != nil {
		i.t.Fatalf("%q: %v: %s", args, err, out)
	}
}

// tool calls a tool and returns its structured answer, which the inspector has
// compared with the schema.
func (i inspector) tool(name string, args ...string) (answer map[string]any) {
	i.t.Helper()
	line := []string{"--method", "tools/call", "--tool-name", name}
	for _, arg := range args {
		line = append(line, "--tool-arg", arg)
	}
	var result struct {
		StructuredContent map[string]any `json:"structuredContent"`
	}
	i.must(&result, line...)
	if result.StructuredContent == nil {
		i.t.Fatalf("%s has no structured answer", name)
	}
	return result.StructuredContent
}

// The official inspector lists everything, finds nothing to object to, and calls
// every tool.
func TestInspector(t *testing.T) {
	nodePath, modules := program(t, "inspector-2.12.0")
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init("--role", "agent").Code)
	config, err := os.ReadFile(agent.Path(".botsync", "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	allowed := strings.Replace(string(config), "allow_invite = false", "allow_invite = true", 1)
	if err := os.WriteFile(agent.Path(".botsync", "config.toml"), []byte(allowed), 0o600); err != nil {
		t.Fatal(err)
	}
	i := inspector{t, nodePath, filepath.Join(modules, "@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js"),
		botsynctest.TempDir(t), agent}

	var tools struct{ Tools []struct{ Name string } }
	i.must(&tools, "--method", "tools/list", "--strict")
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
	}
	if got := strings.Join(names, " "); got != "conflicts doctor history invite list_files recent_changes resolve_conflict restore send_files status undo wait_for_files wait_until_synced" {
		t.Errorf("tools: %s", got)
	}
	laptop.Write("inbox/task.md", "do it\n")
	want := func(answer map[string]any, key, text string) {
		t.Helper()
		if data, _ := json.Marshal(answer[key]); !strings.Contains(string(data), text) {
			t.Errorf("%s is %s, without %s", key, data, text)
		}
	}
	want(i.tool("wait_for_files", `paths=["inbox/task.md"]`, "timeout_seconds=30"), "files", `"path":"inbox/task.md"`)
	want(i.tool("wait_for_files", "directory=inbox", "cursor=0"), "complete", "true")
	want(i.tool("status"), "peers", `"name":"laptop"`)
	want(i.tool("list_files", "pattern=*.md"), "files", `"path":"inbox/task.md"`)
	want(i.tool("send_files", `files=["inbox/task.md"]`, "wait=true"), "files", `"receipts":[{`)
	want(i.tool("wait_until_synced"), "synced", "true")
	want(i.tool("recent_changes", "by=laptop"), "changes", `"action":"new"`)
	want(i.tool("invite"), "command", "botsync join ")
	if out, ok := i.run("--method", "tools/call", "--tool-name", "list_files", "--tool-arg", "path=/etc"); ok || !strings.Contains(out, "outside of the root") {
		t.Errorf("listing /etc: %s", out)
	}

	var read struct {
		Contents []struct{ URI, Text string }
	}
	for uri, text := range map[string]string{"botsync://readme": "# This directory is synced", "botsync://status": `"state":"running"`} {
		i.must(&read, "--method", "resources/read", "--uri", uri)
		if len(read.Contents) != 1 || !strings.Contains(read.Contents[0].Text, text) {
			t.Errorf("%s: %+v", uri, read)
		}
	}
}
