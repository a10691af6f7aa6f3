package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

func folderOf(s api.Status, name string) api.Folder {
	i := slices.IndexFunc(s.Folders, func(f api.Folder) bool { return f.Name == name })
	if i < 0 {
		return api.Folder{}
	}
	return s.Folders[i]
}

// awaitChanges waits until a folder is receive-only, and exactly these things were
// changed there: "deleted deliverables/a".
func awaitChanges(n *botsynctest.Node, folder string, want ...string) {
	n.TB.Helper()
	n.AwaitStatus("changes in "+folder+": "+strings.Join(want, ", "), func(s api.Status) bool {
		f := folderOf(s, folder)
		var got []string
		for _, c := range f.Changes {
			got = append(got, c.Change+" "+c.Path)
		}
		slices.Sort(got)
		slices.Sort(want)
		return f.ReceiveOnly && f.LocalChanges == len(want) && slices.Equal(got, want)
	})
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func revert(t *testing.T, n *botsynctest.Node, args ...string) api.RevertedLine {
	t.Helper()
	var line api.RevertedLine
	if err := json.Unmarshal([]byte(n.Must(append([]string{"revert", "--json"}, args...)...).Stdout), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

func synced(t *testing.T, n *botsynctest.Node) api.SyncedLine {
	t.Helper()
	var line api.SyncedLine
	out := n.Must("wait", "--synced", "--timeout", "20s", "--json").Stdout
	if err := json.Unmarshal([]byte(out), &line); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return line
}

// What the reader of a folder does there by mistake stays with him, shows, and is
// taken back; nothing is lost on the way, whatever happens to roles.
func TestSlipsOfAReaderDoNotTravel(t *testing.T) {
	t.Parallel()
	agent, human := botsynctest.New(t, "vps"), botsynctest.New(t, "laptop")

	// Files on both sides before they meet: equal ones, different ones, and some that
	// only one has.
	agent.Write("deliverables/equal", "the same")
	agent.Write("deliverables/clash", "the agent's")
	agent.Write("deliverables/sub/report", "a report")
	human.Write("deliverables/equal", "the same")
	human.Write("deliverables/clash", "the human's")
	human.Write("deliverables/mine", "only here")
	human.Join(agent.Init("--role", "agent").Code, "--role", "human")
	human.AwaitFile("deliverables/sub/report", "a report")
	human.AwaitFile("deliverables/clash", "the agent's")
	conflict := ""
	botsynctest.Await(t, "the other version of clash", func() bool {
		found, _ := filepath.Glob(human.Path("deliverables", "clash.sync-conflict-*"))
		if len(found) == 1 {
			conflict = "deliverables/" + filepath.Base(found[0])
		}
		return conflict != ""
	})
	human.AwaitFile(conflict, "the human's")
	awaitChanges(human, "deliverables", "new deliverables/mine", "new "+conflict)
	if s := agent.Status(); !folderOf(s, "inbox").ReceiveOnly || folderOf(s, "deliverables").ReceiveOnly || s.Device.Role != api.RoleAgent {
		t.Fatalf("the agent: %+v", s)
	}

	// Slips: deleted, edited twice, new. Nobody else sees them, and nobody waits for them.
	before := len(human.Must("log", "--json", "--limit", "1000").Stdout)
	remove(t, human.Path("deliverables", "sub"))
	human.Write("deliverables/equal", "edited")
	awaitChanges(human, "deliverables", "new deliverables/mine", "new "+conflict,
		"deleted deliverables/sub/", "deleted deliverables/sub/report", "changed deliverables/equal")
	human.Write("deliverables/equal", "edited again, by mistake")
	if line := synced(t, human); line.LocalChanges != 5 {
		t.Fatalf("wait --synced on the human's: %+v", line)
	}
	if line := synced(t, agent); len(line.Peers) != 1 || line.Peers[0].LocalChanges != 3 {
		t.Fatalf("wait --synced on the agent's: %+v", line)
	}
	if p := agent.Status().Peers[0]; p.NeedFiles != 0 || p.NeedBytes != 0 {
		t.Fatalf("the human lacks something: %+v", p)
	}
	if content(t, agent.Path("deliverables", "equal")) != "the same" || content(t, agent.Path("deliverables", "sub", "report")) != "a report" {
		t.Fatal("a slip has travelled")
	}
	if _, err := os.Lstat(agent.Path("deliverables", "mine")); err == nil {
		t.Fatal("a new file has travelled")
	}
	if now := human.Must("log", "--json", "--limit", "1000").Stdout; len(now) != before {
		t.Fatalf("slips are told as events:\n%s", now)
	}

	// What does not travel is not sent there; a receipt does not depend on slips.
	human.Write("task", "do it")
	wantError(t, human.Run("send", human.Path("task"), "--to", "deliverables/x", "--json"), api.ExitState, api.CodeReceiveOnly)
	if out := human.Must("send", human.Path("task"), "--wait").Stdout; out != "inbox/task\n" {
		t.Fatalf("a human sends to %q", out)
	}
	if out := agent.Must("send", agent.Path("inbox", "task"), "--wait").Stdout; out != "deliverables/task\n" {
		t.Fatalf("an agent sends to %q", out)
	}
	wantError(t, human.Run("revert", "inbox", "--json"), api.ExitState, api.CodeRefused)
	wantError(t, human.Run("revert", "nonsense", "--json"), api.ExitUsage, api.CodeUsage)

	// A new version of what was edited comes; the edit stays beside it.
	agent.Write("deliverables/equal", "a newer version")
	human.AwaitFile("deliverables/equal", "a newer version")
	edited, _ := filepath.Glob(human.Path("deliverables", "equal.sync-conflict-*"))
	if len(edited) != 1 || content(t, edited[0]) != "edited again, by mistake" {
		t.Fatalf("the edit is gone: %v", edited)
	}
	human.Write("deliverables/equal", "edited a third time")
	all := []string{"new deliverables/mine", "new " + conflict, "new deliverables/" + filepath.Base(edited[0]),
		"deleted deliverables/sub/", "deleted deliverables/sub/report", "changed deliverables/equal"}
	shown := human.AwaitStatus("six changes", func(s api.Status) bool { return folderOf(s, "deliverables").LocalChanges == 6 })
	if f := folderOf(shown, "deliverables"); len(f.Changes) != 5 || f.NeedFiles != 0 {
		t.Fatalf("the folder: %+v", f)
	}
	if out := human.Run("status").Stdout; !strings.Contains(out, "receive-only") || !strings.Contains(out, "botsync revert") ||
		!strings.Contains(out, "but for 6 changes here only") {
		t.Fatalf("status says:\n%s", out)
	}

	// An edit whose time lies ahead was still made of what was there before: who has
	// yet to get the new version lacks it.
	agent.Write("deliverables/late", "the first")
	human.AwaitFile("deliverables/late", "the first")
	human.Write("deliverables/late", "edited")
	ahead := time.Now().Add(time.Hour)
	if err := os.Chtimes(human.Path("deliverables", "late"), ahead, ahead); err != nil {
		t.Fatal(err)
	}
	botsynctest.Await(t, "the agent knows of the edit", func() bool {
		line := synced(t, agent)
		return len(line.Peers) == 1 && line.Peers[0].LocalChanges == 4
	})
	human.Must("stop")
	agent.Write("deliverables/late", "the second")
	human.Must("start")
	agent.Must("wait", "--synced", "--peer", human.Name)
	if got := content(t, human.Path("deliverables", "late")); got != "the second" {
		t.Fatalf("wait --synced, and the human has %q", got)
	}
	late, _ := filepath.Glob(human.Path("deliverables", "late.sync-conflict-*"))
	if len(late) != 1 || content(t, late[0]) != "edited" {
		t.Fatalf("the edit is gone: %v", late)
	}
	remove(t, late[0])
	human.AwaitStatus("six changes", func(s api.Status) bool { return folderOf(s, "deliverables").LocalChanges == 6 })

	// A file that was edited is deleted by its author; the edit stays.
	agent.Write("deliverables/drop", "to be dropped")
	human.AwaitFile("deliverables/drop", "to be dropped")
	human.Write("deliverables/drop", "worth keeping")
	human.AwaitStatus("seven changes", func(s api.Status) bool { return folderOf(s, "deliverables").LocalChanges == 7 })
	remove(t, agent.Path("deliverables", "drop"))
	botsynctest.Await(t, "the edit beside it", func() bool {
		found, _ := filepath.Glob(human.Path("deliverables", "drop*"))
		return len(found) == 1 && filepath.Base(found[0]) != "drop" && content(t, found[0]) == "worth keeping"
	})
	dropped, _ := filepath.Glob(human.Path("deliverables", "drop*"))
	remove(t, dropped[0])
	human.AwaitStatus("six changes again", func(s api.Status) bool { return folderOf(s, "deliverables").LocalChanges == 6 })

	// With changes, the role is not changed by accident, here or from the other side.
	wantError(t, human.Run("devices", "role", "self", "none", "--json"), api.ExitState, api.CodeLocalChanges)
	wantError(t, agent.Run("devices", "role", "laptop", "agent", "--json"), api.ExitState, api.CodeLocalChanges)

	// Revert: all is as the others have it, and what was here is kept.
	if line := revert(t, human, "--dry-run"); len(line.Changes) != 6 || line.Kept != "" {
		t.Fatalf("a dry run: %+v", line)
	}
	line := revert(t, human)
	var got []string
	for _, c := range line.Changes {
		got = append(got, c.Change+" "+c.Path)
	}
	slices.Sort(got)
	slices.Sort(all)
	if !slices.Equal(got, all) || line.Missing != 0 || !strings.HasPrefix(line.Kept, human.Path(".botsync", "reverted")) {
		t.Fatalf("reverted: %+v", line)
	}
	for name, want := range map[string]string{"mine": "only here", "equal": "edited a third time",
		filepath.Base(conflict): "the human's", filepath.Base(edited[0]): "edited again, by mistake"} {
		if got := content(t, filepath.Join(line.Kept, "deliverables", name)); got != want {
			t.Errorf("%s is kept as %q", name, got)
		}
	}
	awaitChanges(human, "deliverables")
	if diff := botsynctest.TreeDiff(agent.Path("deliverables"), human.Path("deliverables")); diff != "" {
		t.Fatalf("after the revert:\n%s", diff)
	}
	human.AwaitFile("deliverables/sub/report", "a report")
	if line := revert(t, human); len(line.Changes) != 0 || line.Kept != "" {
		t.Fatalf("a second revert: %+v", line)
	}
	if line := synced(t, agent); line.Peers[0].LocalChanges != 0 {
		t.Fatalf("after the revert: %+v", line)
	}

	// The agent's slips in its inbox stay with it, and go on doing so after a restart
	// in which more were made. What it deletes of its own travels.
	remove(t, agent.Path("inbox", "task"))
	awaitChanges(agent, "inbox", "deleted inbox/task")
	agent.Must("stop")
	agent.Write("inbox/made while it was off", "x")
	remove(t, agent.Path("deliverables", "task"))
	agent.Must("start")
	awaitChanges(agent, "inbox", "deleted inbox/task", "new inbox/made while it was off")
	botsynctest.Await(t, "the agent's deletion travels", func() bool {
		_, err := os.Lstat(human.Path("deliverables", "task"))
		return os.IsNotExist(err)
	})
	synced(t, human)
	human.AwaitFile("inbox/task", "do it")

	// The role is changed from the other side, and what was held back travels.
	human.Must("devices", "role", "vps", "none", "--force")
	agent.AwaitStatus("no role", func(s api.Status) bool {
		return s.Device.Role == api.RoleNone && !folderOf(s, "inbox").ReceiveOnly && folderOf(s, "inbox").State == api.FolderIdle
	})
	human.AwaitFile("inbox/made while it was off", "x")
	botsynctest.Await(t, "the deletion travels", func() bool {
		_, err := os.Lstat(human.Path("inbox", "task"))
		return os.IsNotExist(err)
	})
	botsynctest.Await(t, "config.toml has it", func() bool {
		return strings.Contains(content(t, agent.Path(".botsync", "config.toml")), `role = ""`)
	})

	// Two humans: what one gives is received by the other.
	agent.Must("devices", "role", "self", "human")
	agent.AwaitStatus("a human", func(s api.Status) bool {
		return folderOf(s, "deliverables").ReceiveOnly && folderOf(s, "deliverables").State == api.FolderIdle
	})
	botsynctest.Await(t, "the other hears of the role", func() bool {
		return devicesOf(t, human).Devices[1].Role == api.RoleHuman
	})
	agent.Write("inbox/from one", "to the other")
	human.AwaitFile("inbox/from one", "to the other")
	remove(t, agent.Path("deliverables", "equal"))
	awaitChanges(agent, "deliverables", "deleted deliverables/equal")
	if line := revert(t, agent, "deliverables"); line.Missing != 0 || line.Kept != "" {
		t.Fatalf("reverted: %+v", line)
	}
	agent.AwaitFile("deliverables/equal", "a newer version")
}
