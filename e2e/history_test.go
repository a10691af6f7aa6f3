package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

func decoded[T any](t *testing.T, n *botsynctest.Node, args ...string) T {
	t.Helper()
	var out T
	text := n.Must(append(args, "--json")...).Stdout
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

// treeOf is a tree but for times: what is restored is a change that is made now.
func treeOf(t *testing.T, dir string) []string {
	t.Helper()
	tree, err := untimed(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// hasTree reports whether a directory is as it was before, while others may be at
// work in it.
func hasTree(dir string, before []string) bool {
	tree, err := untimed(dir)
	return err == nil && slices.Equal(tree, before)
}

func untimed(dir string) ([]string, error) {
	tree, err := botsynctest.Tree(dir)
	at := regexp.MustCompile(` \d{4}-\d\d-\d\dT[0-9:.]+ `)
	for i := range tree {
		tree[i] = at.ReplaceAllString(tree[i], " ")
	}
	return tree, err
}

// removeAll is what an agent does to a folder.
func removeAll(t *testing.T, n *botsynctest.Node, folder string) {
	t.Helper()
	entries, err := os.ReadDir(n.Path(folder))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			remove(t, n.Path(folder, e.Name()))
		}
	}
}

// letThrough waits until nothing is left of a folder on another device, and lets
// what is held go there.
func letThrough(t *testing.T, from, to *botsynctest.Node, folder string) {
	t.Helper()
	botsynctest.AwaitFor(t, 3*botsynctest.Patience, "all is gone on "+to.Name, func() bool {
		if emptyTree(t, to.Path(folder)) {
			return true
		}
		if f := folderOf(from.Status(), folder); f.Held != nil && !f.Held.Busy {
			from.Must("resume", folder, "--accept")
		}
		return false
	})
}

func emptyTree(t *testing.T, dir string) bool {
	t.Helper()
	tree, err := botsynctest.Tree(dir)
	return err == nil && len(tree) == 0
}

// undoFiles is how many files are deleted and brought back: BOTSYNC_UNDO_FILES, or
// as many as take little time. 5,000 have been tried.
func undoFiles(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("BOTSYNC_UNDO_FILES"), "1000"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// After rm -rf in a folder that was let through, one command brings back every byte
// on all devices, whichever of them it is run on.
func TestUndoBringsBackEveryByte(t *testing.T) {
	t.Parallel()
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init().Code)
	count := undoFiles(t)
	for i := range count {
		agent.Write(fmt.Sprintf("shared/d%d/sub/file %d", i%50, i), fmt.Sprintf("the content of %d", i))
	}
	agent.Write("shared/big", strings.Repeat("0123456789", 200_000))
	if err := os.Symlink("big", agent.Path("shared", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(agent.Path("shared", "big"), 0o750); err != nil {
		t.Fatal(err)
	}
	agent.Must("wait", "--synced", "--timeout", "60s")
	before := treeOf(t, agent.Path("shared"))
	if diff := botsynctest.TreeDiff(agent.Path("shared"), laptop.Path("shared")); diff != "" {
		t.Fatal(diff)
	}
	for _, on := range []*botsynctest.Node{laptop, agent} {
		removeAll(t, agent, "shared")
		agent.AwaitStatus("it is held", func(s api.Status) bool { return folderOf(s, "shared").Held != nil })
		wantError(t, agent.Run("undo", "--by", "self", "--since", "10m", "--json"), api.ExitState, api.CodeHeld)
		letThrough(t, agent, laptop, "shared")
		line := decoded[api.UndoneLine](t, on, "undo", "--by", "agent", "--since", "10m")
		if line.Restored != count+2 || len(line.Skipped) != 0 || len(line.Unreachable) != 0 || len(line.Files) != min(count+2, api.MaxRestored) {
			t.Fatalf("%s: %d restored, skipped %v, no answer from %v", on.Name, line.Restored, line.Skipped, line.Unreachable)
		}
		for _, n := range []*botsynctest.Node{laptop, agent} {
			botsynctest.AwaitFor(t, 3*botsynctest.Patience, n.Name+" has every byte", func() bool { return hasTree(n.Path("shared"), before) })
		}
	}
}

func absent(n *botsynctest.Node, name string) {
	n.TB.Helper()
	botsynctest.Await(n.TB, n.Name+" has no "+name, func() bool {
		_, err := os.Lstat(n.Path(name))
		return os.IsNotExist(err)
	})
}

// versionsOf are the old versions of a path, each as "change device size here peers".
func versionsOf(t *testing.T, n *botsynctest.Node, args ...string) []string {
	t.Helper()
	list := decoded[api.History](t, n, append([]string{"history"}, args...)...)
	var out []string
	for _, v := range list.Versions {
		var who []string
		if v.Here {
			who = append(who, "here")
		}
		for _, p := range v.Peers {
			who = append(who, p.Name)
		}
		by := "?"
		if v.Device != nil {
			by = v.Device.Name
		}
		out = append(out, fmt.Sprintf("%s %s %s %d at %s", v.Path, v.Change, by, v.Size, strings.Join(who, "+")))
	}
	return out
}

func wantVersions(t *testing.T, n *botsynctest.Node, want []string, args ...string) {
	t.Helper()
	if got := versionsOf(t, n, args...); !slices.Equal(got, want) {
		t.Fatalf("%s %v:\n%s", n.Name, args, strings.Join(got, "\n"))
	}
}

// What one device changes and deletes is listed on both, comes back on both, and
// what brings it back can be undone itself. Nobody has others write where he only
// reads.
func TestHistoryAndRestore(t *testing.T) {
	t.Parallel()
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init("--role", "agent").Code, "--role", "human")
	long := "shared/docs/" + strings.Repeat("n", 255)
	laptop.Write("shared/report.md", "written by a human")
	laptop.Write("shared/docs/a", "the content of a")
	laptop.Write("shared/docs/b", "the content of b")
	laptop.Write(long, "of a long name")
	agent.Write("deliverables/result", "the first result")
	agent.AwaitFile("shared/docs/b", "the content of b")
	agent.AwaitFile(long, "of a long name")
	agent.AwaitFile("shared/report.md", "written by a human")
	laptop.AwaitFile("deliverables/result", "the first result")

	// The agent overwrites with an error page, twice, and deletes.
	agent.Write("shared/report.md", "404 page not found")
	laptop.AwaitFile("shared/report.md", "404 page not found")
	between := time.Now()
	agent.Write("shared/report.md", "500 internal server error")
	laptop.AwaitFile("shared/report.md", "500 internal server error")
	remove(t, agent.Path("shared", "docs"))
	absent(laptop, "shared/docs/a")
	absent(laptop, long)
	absent(laptop, "shared/docs")
	here := []string{"shared/report.md changed agent 18 at here", "shared/report.md changed agent 18 at here"}
	there := []string{"shared/report.md changed agent 18 at laptop", "shared/report.md changed agent 18 at laptop"}
	wantVersions(t, laptop, here, "shared/report.md")
	wantVersions(t, agent, there, "shared/report.md")
	wantVersions(t, agent, nil, "shared/report.md", "--here")
	if got := versionsOf(t, agent, "--deleted", "shared/docs"); len(got) != 3 || !slices.Contains(got, "shared/docs/a deleted agent 16 at laptop") {
		t.Fatalf("deleted: %q", got)
	}
	versions, err := filepath.Glob(laptop.Path(".botsync", "versions", "shared", "report.md~*~r"))
	if err != nil || len(versions) != 2 || content(t, versions[0]) != "written by a human" {
		t.Fatalf("the files themselves: %q, %v", versions, err)
	}

	// Elsewhere, on the device that lacks it: the content comes from the other one.
	at := between.UTC().Format(time.RFC3339Nano)
	copied := agent.Path("..", "copy")
	if line := decoded[api.RestoredLine](t, agent, "restore", "shared/report.md", "--at", at, "--to", copied, "--dry-run"); line.Restored != 1 || !line.DryRun {
		t.Fatalf("%+v", line)
	}
	if _, err := os.Lstat(copied); err == nil {
		t.Fatal("a dry run writes")
	}
	line := decoded[api.RestoredLine](t, agent, "restore", "shared/report.md", "--at", at, "--to", copied)
	if content(t, copied) != "404 page not found" || line.Restored != 1 || line.Files[0].From == nil || line.Files[0].From.Name != "laptop" {
		t.Fatalf("%+v: %s", line, content(t, copied))
	}
	wantError(t, agent.Run("restore", "shared/report.md", "--to", copied, "--json"), api.ExitState, api.CodeExists)
	wantError(t, agent.Run("restore", "shared/report.md", "--to", agent.Path(".botsync", "logs", "copy"), "--json"), api.ExitUsage, api.CodeUsage)

	// In its place, at a time, on the device that lacks it: one before all versions means
	// the oldest. What was there is a version.
	before := between.Add(-time.Hour).UTC().Format(time.RFC3339)
	agent.Must("restore", "shared/report.md", "--at", before)
	agent.AwaitFile("shared/report.md", "written by a human")
	laptop.AwaitFile("shared/report.md", "written by a human")
	if got := versionsOf(t, laptop, "shared/report.md"); len(got) != 3 || !strings.HasPrefix(got[2], "shared/report.md changed laptop 25 at here") {
		t.Fatalf("after the restore: %q", got)
	}
	// A restore is undone by another one.
	laptop.Must("restore", "shared/report.md")
	agent.AwaitFile("shared/report.md", "500 internal server error")

	// All that is deleted, without changing anything first.
	if line := decoded[api.RestoredLine](t, laptop, "restore", "--deleted", "shared", "--dry-run"); line.Restored != 3 {
		t.Fatalf("%+v", line)
	}
	absent(laptop, "shared/docs")
	if line := decoded[api.RestoredLine](t, laptop, "restore", "--deleted", "shared"); line.Restored != 3 || len(line.Skipped) != 0 {
		t.Fatalf("%+v", line)
	}
	agent.AwaitFile("shared/docs/a", "the content of a")
	agent.AwaitFile(long, "of a long name")
	if line := decoded[api.RestoredLine](t, laptop, "restore", "--deleted"); line.Restored != 0 {
		t.Fatalf("once more: %+v", line)
	}

	// Undo leaves alone what somebody else has changed since, and what is new.
	since := time.Now().Add(-20 * time.Millisecond).UTC().Format(time.RFC3339Nano)
	agent.Write("shared/docs/a", "overwritten")
	agent.Write("shared/docs/b", "overwritten")
	agent.Write("shared/made", "by the agent")
	laptop.AwaitFile("shared/docs/a", "overwritten")
	laptop.AwaitFile("shared/docs/b", "overwritten")
	laptop.AwaitFile("shared/made", "by the agent")
	laptop.Write("shared/docs/b", "mended by hand")
	agent.AwaitFile("shared/docs/b", "mended by hand")
	undone := decoded[api.UndoneLine](t, laptop, "undo", "--by", "agent", "--since", since)
	if undone.Restored != 1 || undone.Files[0].Path != "shared/docs/a" || len(undone.Skipped) != 1 || undone.Skipped[0].Path != "shared/docs/b" ||
		undone.Skipped[0].Reason != api.SkippedChanged || undone.Skipped[0].Device.Name != "laptop" || !slices.Equal(undone.New, []string{"shared/made"}) || undone.Removed != 0 {
		t.Fatalf("%+v", undone)
	}
	agent.AwaitFile("shared/docs/a", "the content of a")
	if undone := decoded[api.UndoneLine](t, laptop, "undo", "--by", "agent", "--since", since, "--force", "--remove-new", "shared"); undone.Restored != 1 || undone.Removed != 1 {
		t.Fatalf("forced: %+v", undone)
	}
	agent.AwaitFile("shared/docs/b", "the content of b")
	absent(agent, "shared/made")
	if got := versionsOf(t, laptop, "shared/made"); !slices.Contains(got, "shared/made deleted laptop 12 at here+agent") {
		t.Fatalf("what was removed is in no history: %q", got)
	}
	wantError(t, laptop.Run("undo", "--by", "nobody", "--since", "1h", "--json"), api.ExitUsage, api.CodeUsage)

	// The human only reads deliverables: he can have a copy, and no more. The agent can
	// have back what it overwrote there.
	agent.Write("deliverables/result", "an error page")
	laptop.AwaitFile("deliverables/result", "an error page")
	wantError(t, laptop.Run("restore", "deliverables/result", "--json"), api.ExitState, api.CodeReceiveOnly)
	if undone := decoded[api.UndoneLine](t, laptop, "undo", "--by", "agent", "--since", since, "deliverables"); undone.Restored != 0 ||
		len(undone.Skipped) != 1 || undone.Skipped[0].Reason != api.SkippedReadOnly {
		t.Fatalf("%+v", undone)
	}
	laptop.Must("restore", "deliverables/result", "--to", laptop.Path("..", "result"))
	if got := content(t, laptop.Path("..", "result")); got != "the first result" {
		t.Fatalf("the copy: %q", got)
	}
	agent.Must("undo", "--by", "self", "--since", since, "deliverables")
	if got := content(t, agent.Path("deliverables", "result")); got != "the first result" {
		t.Fatalf("the agent's: %q", got)
	}
	laptop.AwaitFile("deliverables/result", "the first result")

	// What cannot be kept is not replaced.
	versionsDir := laptop.Path(".botsync", "versions")
	for _, err := range []error{os.Rename(versionsDir, versionsDir+"-away"), os.WriteFile(versionsDir, nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	agent.Write("shared/report.md", "a change that waits")
	agent.Write("shared/other", "arrives")
	laptop.AwaitFile("shared/other", "arrives")
	laptop.AwaitStatus("it waits", func(s api.Status) bool { return folderOf(s, "shared").NeedFiles == 1 })
	if got := content(t, laptop.Path("shared", "report.md")); got != "500 internal server error" {
		t.Fatalf("it was replaced by %q, and not kept", got)
	}
	for _, err := range []error{os.Remove(versionsDir), os.Rename(versionsDir+"-away", versionsDir)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	laptop.AwaitFile("shared/report.md", "a change that waits")

	// Whoever does not answer is named, and nothing is left of questions.
	botsynctest.Await(t, "questions and answers are gone", func() bool {
		left, err := filepath.Glob(agent.Path(".botsync", "network", "history", "*", "*"))
		return err == nil && len(left) == 0
	})
	laptop.Must("stop")
	agent.AwaitStatus("alone", func(s api.Status) bool { return !s.Peers[0].Connected })
	list := decoded[api.History](t, agent, "history", "shared/report.md")
	if len(list.Unreachable) != 1 || list.Unreachable[0].Name != "laptop" {
		t.Fatalf("%+v", list)
	}
	r := agent.Run("restore", "shared/nothing", "--json")
	wantError(t, r, api.ExitState, api.CodeNoVersion)
	if hint := r.Error(t).Hint; !strings.Contains(hint, "laptop") {
		t.Fatalf("who could have it: %q", hint)
	}
	for _, s := range []api.Status{agent.Status()} {
		if len(s.Problems) > 0 {
			t.Fatalf("%+v", s.Problems)
		}
	}
}
