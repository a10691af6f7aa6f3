//go:build unix

package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// A role that makes a held folder receive-only, and back, lets nothing through,
// whatever is killed meanwhile; and what is held can be undone in either state. Whoever
// waits for what is held is told so at once.
func TestHoldAndRole(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	writeMany(agent, "deliverables/lost", 60)
	writeMany(agent, "deliverables/kept", 20)
	awaitSame(t, agent, laptop)
	must(t, os.Rename(laptop.Path("deliverables/lost"), out(laptop, "lost")))
	awaitHeld(laptop, "deliverables", 60)
	// Alone and before the others it would be no burst.
	must(t, os.WriteFile(laptop.Path("deliverables/kept/0/0.md"), nil, 0o644))
	awaitHeld(laptop, "deliverables", 61)
	others := func() {
		t.Helper()
		if n := countFiles(t, agent.Path("deliverables")); n != 81 {
			t.Fatalf("the agent has %d of 81 files", n)
		}
	}

	t.Log("who waits for what is held is told at once")
	for _, path := range []string{"deliverables/lost/0/7.md", "deliverables/kept/0/0.md", "deliverables/lost", "deliverables"} {
		begun := time.Now()
		wantError(t, laptop.Run("wait", path, "--timeout", "60s", "--json"), api.ExitState, api.CodeHeld)
		if r := laptop.Run("wait", path, "--timeout", "60s"); !strings.Contains(r.Stderr, "vanished here, and that is held") || !strings.Contains(r.Stderr, "botsync resume deliverables --undo") {
			t.Errorf("wait %s: %s", path, r.Stderr)
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("wait %s took %v", path, took)
		}
	}
	laptop.Must("wait", "deliverables/kept/0/1.md", "--timeout", "20s")
	laptop.Write("new", "sent while something is held")
	laptop.Must("send", laptop.Path("new"), "--to", "deliverables", "--wait", "--timeout", "20s")
	must(t, os.Remove(laptop.Path("deliverables/new")))
	awaitHeld(laptop, "deliverables", 62)

	rests := func(changes int) {
		t.Helper()
		laptop.AwaitStatus("it is receive-only", func(s api.Status) bool {
			f := folderOf(s, "deliverables")
			return f.ReceiveOnly && f.State == api.FolderIdle && f.Held == nil && f.LocalChanges == changes && len(s.Problems) == 0
		})
	}
	t.Log("the agent makes it receive-only, and back")
	agent.Must("devices", "role", "laptop", "human")
	rests(62 + 3) // the directories lost, lost/0 and lost/1
	if r := laptop.Must("resume", "--json"); !strings.Contains(r.Stdout, `"files":62`) || !strings.Contains(r.Stdout, `"resting":true`) {
		t.Error(r.Stdout)
	}
	wantError(t, laptop.Run("resume", "--accept", "--json"), api.ExitState, api.CodeReceiveOnly)
	laptop.Must("wait", "--synced", "--timeout", "20s")
	laptop.Kill()
	laptop.Must("start")
	rests(65)
	wantError(t, laptop.Run("devices", "role", "self", "none", "--json"), api.ExitState, api.CodeLocalChanges)
	laptop.Must("devices", "role", "self", "none", "--force")
	awaitHeld(laptop, "deliverables", 62)
	laptop.Kill()
	laptop.Must("start")
	if h := awaitHeld(laptop, "deliverables", 62); h.Of < 80 {
		t.Errorf("%+v", h)
	}
	agent.Must("wait", "--synced", "--timeout", "20s")
	others()

	t.Log("undo while it is receive-only takes back what was held, and nothing else")
	laptop.Must("devices", "role", "self", "human")
	rests(65)
	laptop.Write("deliverables/kept/0/2.md", "edited by mistake")
	rests(66)
	var line api.ResumeLine
	must(t, json.Unmarshal([]byte(laptop.Must("resume", "--undo", "--json").Stdout), &line))
	if len(line.Folders) != 1 || line.Folders[0].Files != 62 || line.Missing != 0 || line.Left != 0 {
		t.Errorf("%+v", line)
	}
	rests(1)
	if n := countFiles(t, laptop.Path("deliverables")); n != 81 {
		t.Errorf("the laptop has %d of 81 files", n)
	}
	revert(t, laptop)
	laptop.Must("devices", "role", "self", "none")
	awaitFree(laptop, "deliverables")
	awaitSame(t, agent, laptop)
	if got := content(t, agent.Path("deliverables/kept/0/2.md")); got != manyContent("deliverables/kept", 2) {
		t.Errorf("%q", got)
	}

	t.Log("and what is held again afterwards can be accepted")
	must(t, os.RemoveAll(laptop.Path("deliverables/lost")))
	laptop.AwaitStatus("it is held", func(s api.Status) bool { return folderOf(s, "deliverables").State == api.FolderHeld })
	laptop.Must("resume", "--accept")
	botsynctest.Await(t, "the agent is told", func() bool { return countFiles(t, agent.Path("deliverables")) < 30 })
}
