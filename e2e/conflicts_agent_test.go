//go:build unix

package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// conflicts are the files of which conflict copies were told, in that order.
func (r *receiver) conflicts() (paths []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.batches {
		for _, c := range b.Conflicts {
			name, _, _ := strings.Cut(c.Path, ".sync-conflict-")
			paths = append(paths, name)
		}
	}
	return paths
}

// An agent whose file was edited elsewhere as well is told of it, once, sees what
// differs, and decides. A log of which an old line was edited is a conflict like any
// other; one that only grew is none.
func TestAgentsHearOfConflicts(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	for _, n := range []*botsynctest.Node{agent, laptop} {
		file := n.Path(".botsync", "config.toml")
		config, err := os.ReadFile(file)
		must(t, err, os.WriteFile(file, []byte(strings.Replace(string(config), "append_only = []", `append_only = ["*.jsonl"]`, 1)), 0o600))
		n.Must("stop")
		n.Must("start")
	}
	names := []string{"shared/report.md", "shared/edited.jsonl", "shared/grown.jsonl"}
	for _, name := range names {
		agent.Write(name, "1\n2\n")
		laptop.AwaitFile(name, "1\n2\n")
	}
	agent.Must("wait", "--synced", "--timeout", "60s")
	laptop.Must("wait", "--synced", "--timeout", "60s")
	hooks := map[*botsynctest.Node]*receiver{agent: newReceiver(t), laptop: newReceiver(t)}
	for n, hook := range hooks {
		n.Must("notify", "webhook", hook.url)
	}

	laptop.Must("stop")
	agent.Write(names[0], "1\nof the agent\n")
	agent.Write(names[1], "1\nedited\n3\n")
	agent.Write(names[2], "1\n2\n3\n")
	agent.Must("stop")
	laptop.Write(names[0], "1\nof the laptop\n")
	laptop.Write(names[1], "1\n2\n4\n")
	laptop.Write(names[2], "1\n2\n4\n")
	laptop.Must("start")
	agent.Must("start")
	for n, hook := range hooks {
		n.AwaitFile(names[2], "1\n2\n3\n4\n")
		n.AwaitStatus("two conflicts", func(s api.Status) bool { return folderOf(s, "shared").Conflicts == 2 })
		botsynctest.Await(t, n.Name+" is told of them", func() bool { return len(hook.conflicts()) >= 2 })
	}

	a := startMCP(t, agent, "2025-11-25", nil)
	var list struct {
		Conflicts []struct {
			Path     string
			Versions []struct {
				Path, Device, Diff string
				Current, Mine      bool
			}
		}
	}
	a.must("conflicts", object{"diff": true}, &list)
	if len(list.Conflicts) != 2 || list.Conflicts[0].Path != names[1] || list.Conflicts[1].Path != names[0] {
		t.Fatalf("%+v", list)
	}
	report := list.Conflicts[1].Versions
	if len(report) != 2 || !report[0].Current || report[0].Mine == report[1].Mine || report[0].Device == report[1].Device ||
		!strings.Contains(report[1].Diff, "of the agent") || !strings.Contains(report[1].Diff, "of the laptop") {
		t.Errorf("%+v", report)
	}
	var health struct {
		Checks []struct{ Code, Status string }
	}
	a.must("doctor", nil, &health)
	if i := slices.IndexFunc(health.Checks, func(c struct{ Code, Status string }) bool { return c.Code == "conflicts" }); i < 0 || health.Checks[i].Status != api.CheckWarn {
		t.Errorf("doctor: %+v", health)
	}
	var done struct {
		Kept     struct{ Mine bool }
		Replaced []struct{ Device string }
	}
	a.must("resolve_conflict", object{"path": names[0], "keep": "mine"}, &done)
	if !done.Kept.Mine || len(done.Replaced) != 1 || done.Replaced[0].Device != "laptop" {
		t.Errorf("%+v", done)
	}
	laptop.AwaitFile(names[0], "1\nof the agent\n")
	a.must("resolve_conflict", object{"path": names[1], "keep": "theirs"}, &done)
	laptop.AwaitFile(names[1], "1\n2\n4\n")
	for n, hook := range hooks {
		n.AwaitStatus("no conflicts", func(s api.Status) bool { return folderOf(s, "shared").Conflicts == 0 })
		n.AwaitFile(names[1], "1\n2\n4\n")
		told := hook.conflicts()
		slices.Sort(told)
		if !slices.Equal(told, []string{"edited", "report"}) {
			t.Errorf("%s was told of conflicts of %v", n.Name, told)
		}
	}
	if !inHistory(t, agent, "1\nof the laptop\n") || !inHistory(t, agent, "1\nedited\n3\n") {
		t.Error("what was not kept is not in the history")
	}
}
