//go:build unix

package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// A week apart, with edits on both sides: every version survives, is listed on both,
// told of once, and goes to the history when it is not kept. Logs are merged.
func TestConflicts(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	apart := func(onAgent, onLaptop func()) {
		t.Helper()
		laptop.Must("stop")
		onAgent()
		agent.Must("stop")
		onLaptop()
		laptop.Must("start")
		agent.Must("start")
		awaitSame(t, agent, laptop)
		agent.Must("wait", "--synced", "--timeout", "60s")
		laptop.Must("wait", "--synced", "--timeout", "60s")
		awaitSame(t, agent, laptop)
	}
	config, err := os.ReadFile(agent.Path(".botsync", "config.toml"))
	must(t, err, os.WriteFile(agent.Path(".botsync", "config.toml"),
		[]byte(strings.Replace(string(config), "append_only = []", `append_only = ["*.jsonl"]`, 1)), 0o600))
	agent.Must("stop")
	agent.Must("start")

	now := time.Now().Truncate(time.Second)
	write := func(n *botsynctest.Node, name, text string, ago time.Duration) {
		t.Helper()
		p := n.Path("shared", name)
		must(t, os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644), os.Chtimes(p, now.Add(-ago), now.Add(-ago)))
	}
	long := strings.Repeat("ö", 124) + ".md" // 251 bytes
	files := []string{"report.md", long, "Makefile", "a.tar.gz"}
	for i := range 40 {
		files = append(files, fmt.Sprintf("many/%02d.txt", i))
	}
	for _, f := range append(slices.Clone(files), "gone-here.txt", "gone-there.txt") {
		write(agent, f, "base of "+f, 72*time.Hour)
	}
	write(agent, "log.jsonl", "0\n", 72*time.Hour)
	write(agent, "theirs-log.jsonl", "0\n", 72*time.Hour) // who has the setting wins
	const lookalike = "mine.sync-conflict-20260101-000000-AAAAAAA.txt"
	write(agent, lookalike, "a file of my own", time.Hour)
	awaitSame(t, agent, laptop)
	agent.Must("wait", "--synced", "--timeout", "60s")

	apart(func() {
		for edit := range 3 {
			for _, f := range files {
				write(agent, f, fmt.Sprintf("agent's %s, %d", f, edit), time.Duration(40-edit)*time.Minute)
			}
		}
		write(agent, "log.jsonl", "0\n2 agent\n3 both\n", 10*time.Minute)
		write(agent, "theirs-log.jsonl", "0\n2 agent\n3 both\n", 8*time.Minute)
		must(t, os.Remove(agent.Path("shared", "gone-here.txt")))
		write(agent, "gone-there.txt", "edited by the agent", 30*time.Minute)
	}, func() {
		for edit := range 3 {
			for _, f := range files {
				write(laptop, f, fmt.Sprintf("laptop's %s, %d", f, edit), time.Duration(20-edit)*time.Minute)
			}
		}
		write(laptop, "log.jsonl", "0\n1 laptop\n3 both\n", 9*time.Minute)
		write(laptop, "theirs-log.jsonl", "0\n1 laptop\n3 both\n", 9*time.Minute)
		write(laptop, "gone-here.txt", "edited by the laptop", 30*time.Minute)
		must(t, os.Remove(laptop.Path("shared", "gone-there.txt")))
	})
	for _, log := range []string{"log", "theirs-log"} {
		botsynctest.Await(t, "the merged "+log+" on both sides", func() bool {
			a, _ := os.ReadFile(agent.Path("shared", log+".jsonl"))
			b, _ := os.ReadFile(laptop.Path("shared", log+".jsonl"))
			return string(a) == "0\n1 laptop\n2 agent\n3 both\n" && string(a) == string(b) && !slices.ContainsFunc(tree(t, laptop), func(p string) bool {
				return strings.HasPrefix(p, log+".sync-conflict-")
			})
		})
	}
	awaitSame(t, agent, laptop)
	for _, text := range []string{"0\n2 agent\n3 both\n", "0\n1 laptop\n3 both\n"} {
		if !inHistory(t, agent, text) {
			t.Errorf("%q is not in the history", text)
		}
	}
	survived := texts(t, laptop)
	for _, f := range files {
		for _, who := range []string{"agent's ", "laptop's "} {
			if !survived[who+f+", 2"] {
				t.Errorf("%s%s is lost", who, f)
			}
		}
	}
	for _, text := range []string{"edited by the agent", "edited by the laptop", "a file of my own"} {
		if !survived[text] {
			t.Errorf("%q is lost", text)
		}
	}

	// Both list the same, and know who made what.
	a, b := conflictsOf(t, agent), conflictsOf(t, laptop)
	if len(a) < len(files)+1 || len(a) != len(b) {
		t.Fatalf("%d and %d conflicts", len(a), len(b))
	}
	copies := map[string]bool{}
	for i, c := range a {
		if c.Path == "shared/mine.txt" {
			if c.Doubt == "" {
				t.Error("a file of my own is taken for a conflict")
			}
			continue
		}
		if c.Path != b[i].Path || c.Doubt != "" || len(c.Versions) != len(b[i].Versions) {
			t.Errorf("%+v on one side, %+v on the other", c, b[i])
		}
		for j, v := range c.Versions {
			if o := b[i].Versions[j]; v.Path != o.Path || v.Device == nil || o.Device == nil || *v.Device != *o.Device || v.Mine == o.Mine ||
				v.Mine != (v.Device.Name == "agent") || !v.Modified.Equal(o.Modified) {
				t.Errorf("%+v on one side, %+v on the other", v, o)
			}
			if !v.Current {
				copies[v.Path] = true
			}
		}
	}
	for _, n := range []*botsynctest.Node{agent, laptop} {
		if f := n.Status().Folders[0]; f.Conflicts != len(copies)+1 {
			t.Errorf("%s counts %d conflicts, not %d", n.Name, f.Conflicts, len(copies)+1)
		}
		told := map[string]int{}
		botsynctest.Await(t, "an event of each conflict on "+n.Name, func() bool {
			clear(told)
			for _, e := range eventsOf(t, n) {
				if log := strings.Contains(e.Path, "log."); e.Type == api.EventConflict && log && n == agent {
					t.Errorf("told of a conflict that is merged: %+v", e)
				} else if e.Type == api.EventConflict && !log {
					told[e.Folder+"/"+e.Path]++
					if e.Device == nil || e.Device.Name == "" {
						t.Errorf("%+v names no device", e)
					}
				}
			}
			return len(told) >= len(copies)
		})
		for p, count := range told {
			if count != 1 || !copies[p] {
				t.Errorf("%s told %d times of %s", n.Name, count, p)
			}
		}
	}

	// A conflict copy that both edit, and one that one edits and the other resolves.
	edited, removed := strings.TrimPrefix(copyOf(a, "shared/many/00.txt"), "shared/"), strings.TrimPrefix(copyOf(a, "shared/many/01.txt"), "shared/")
	apart(func() {
		write(agent, edited, "copy, edited by the agent", 8*time.Minute)
		agent.Must("conflicts", "keep", "theirs", agent.Path("shared", "many/01.txt"))
	}, func() {
		write(laptop, edited, "copy, edited by the laptop", 7*time.Minute)
		write(laptop, removed, "copy, edited by the laptop, too", 6*time.Minute)
	})
	survived = texts(t, agent)
	for _, text := range []string{"copy, edited by the agent", "copy, edited by the laptop", "copy, edited by the laptop, too"} {
		if !survived[text] {
			t.Errorf("%q is lost", text)
		}
	}

	// They resolve: each some, and the same at once.
	agent.Must("conflicts", "keep", "mine", agent.Path("shared", "report.md"))
	laptop.Must("conflicts", "keep", "mine", laptop.Path("shared", "Makefile"))
	agent.Must("conflicts", "keep", "both", agent.Path("shared", "a.tar.gz"))
	agent.Must("conflicts", "keep", "--device", "laptop", agent.Path("shared", long))
	if e := agent.Run("conflicts", "keep", "mine", agent.Path("shared", "log.jsonl"), "--json").Error(t); e.Code != api.CodeNoConflict {
		t.Errorf("%+v", e)
	}
	awaitSame(t, agent, laptop)
	var at sync.WaitGroup
	for _, n := range []*botsynctest.Node{agent, laptop} {
		at.Go(func() { n.Run("conflicts", "keep", "oldest", "--all") })
	}
	at.Wait()
	for _, n := range []*botsynctest.Node{agent, laptop} {
		n.Must("wait", "--synced", "--timeout", "60s")
	}
	awaitSame(t, agent, laptop)
	if left := conflictsOf(t, agent); len(left) != 1 || left[0].Path != "shared/mine.txt" {
		t.Errorf("left: %+v", left)
	}
	for name, want := range map[string]string{
		"report.md": "agent's report.md, 2", "Makefile": "laptop's Makefile, 2", long: "laptop's " + long + ", 2", "a.tar.gz": "laptop's a.tar.gz, 2",
		"many/20.txt": "agent's many/20.txt, 2", lookalike: "a file of my own",
	} {
		laptop.AwaitFile("shared/"+name, want)
	}
	survived = texts(t, agent)
	if !survived["agent's a.tar.gz, 2"] {
		t.Error("both are kept, and one is gone")
	}
	for _, text := range []string{"laptop's report.md, 2", "agent's Makefile, 2", "agent's " + long + ", 2", "laptop's many/20.txt, 2",
		"copy, edited by the agent", "copy, edited by the laptop"} {
		if !survived[text] && !inHistory(t, agent, text) && !inHistory(t, laptop, text) {
			t.Errorf("%q is neither there nor in a history", text)
		}
	}
}

func conflictsOf(t *testing.T, n *botsynctest.Node) []api.Conflict {
	t.Helper()
	var out api.Conflicts
	must(t, json.Unmarshal([]byte(n.Must("conflicts", "--json").Stdout), &out))
	return out.Conflicts
}

// copyOf is the path of the conflict copy of a file.
func copyOf(all []api.Conflict, file string) string {
	for _, c := range all {
		if c.Path == file {
			return c.Versions[1].Path
		}
	}
	return ""
}

// tree is all files in shared/.
func tree(t *testing.T, n *botsynctest.Node) (out []string) {
	t.Helper()
	must(t, filepath.WalkDir(n.Path("shared"), func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			rel, _ := filepath.Rel(n.Path("shared"), p)
			out = append(out, rel)
		}
		return err
	}))
	return out
}

// texts is what is in them.
func texts(t *testing.T, n *botsynctest.Node) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, p := range tree(t, n) {
		data, err := os.ReadFile(n.Path("shared", p))
		must(t, err)
		out[string(data)] = true
	}
	return out
}

// inHistory reports whether a text is among the old versions that a node keeps.
func inHistory(t *testing.T, n *botsynctest.Node, text string) bool {
	t.Helper()
	return historyOf(t, n)[text]
}

// historyOf is what is in the old versions that a node keeps.
func historyOf(t *testing.T, n *botsynctest.Node) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	must(t, filepath.WalkDir(n.Path(".botsync", "versions"), func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if data, err := os.ReadFile(p); err == nil {
				out[string(data)] = true
			}
		}
		return nil
	}))
	return out
}

func eventsOf(t *testing.T, n *botsynctest.Node) (out []api.Event) {
	t.Helper()
	for line := range strings.Lines(n.Must("events", "--since", "0", "--no-follow", "--json").Stdout) {
		var e api.Event
		must(t, json.Unmarshal([]byte(line), &e))
		out = append(out, e)
	}
	return out
}
