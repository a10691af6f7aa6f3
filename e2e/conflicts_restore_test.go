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

// "restore --deleted" brings back a conflict copy that was deleted, on whichever device
// it runs, and none that was resolved.
func TestResolvedStaysResolved(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	files := []string{"mine.md", "theirs.md", "both.md", "unresolved.md"}
	for _, f := range files {
		agent.Write("shared/"+f, "base")
	}
	awaitSame(t, agent, laptop)
	agent.Must("wait", "--synced", "--timeout", "60s")
	laptop.Must("stop")
	for _, f := range files {
		agent.Write("shared/"+f, "the agent's")
	}
	agent.Must("stop")
	for _, f := range files {
		laptop.Write("shared/"+f, "the laptop's")
	}
	laptop.Must("start")
	agent.Must("start")
	awaitSame(t, agent, laptop)
	var all []api.Conflict
	botsynctest.Await(t, "the conflicts on both", func() bool {
		all = conflictsOf(t, agent)
		return len(all) == len(files) && len(conflictsOf(t, laptop)) == len(files)
	})
	for _, keep := range []string{"mine", "theirs", "both"} {
		agent.Must("conflicts", "keep", keep, agent.Path("shared", keep+".md"))
	}
	copied := copyOf(all, "shared/unresolved.md")
	must(t, os.Remove(agent.Path(copied)))
	agent.Must("wait", "--synced", "--timeout", "60s")
	awaitSame(t, agent, laptop)
	for _, n := range []*botsynctest.Node{agent, laptop} {
		line := decoded[api.RestoredLine](t, n, "restore", "--deleted", "--dry-run")
		if line.Restored != 1 || line.Files[0].Path != copied {
			t.Errorf("%s would bring back %+v", n.Name, line)
		}
	}
	laptop.Must("restore", "--deleted")
	awaitSame(t, agent, laptop)
	if left := conflictsOf(t, laptop); len(left) != 1 || copyOf(left, "shared/unresolved.md") != copied {
		t.Errorf("in conflict: %+v", left)
	}
	// A copy is in the history still, and comes back if it is asked for.
	resolved := copyOf(all, "shared/mine.md")
	agent.Must("restore", resolved)
	if !slices.ContainsFunc(conflictsOf(t, agent), func(c api.Conflict) bool { return strings.HasSuffix(c.Path, "/mine.md") }) {
		t.Error("a copy that was asked for by its name has not come back")
	}
}
