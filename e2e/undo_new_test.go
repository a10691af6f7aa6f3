//go:build unix

package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// What a device has made is new also if another one had deleted what was there before:
// so a restore of what was deleted is undone like any other change.
func TestRestoreIsUndone(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	since := time.Now().Add(-time.Second).UTC().Format(time.RFC3339Nano)
	agent.Write("shared/docs/a", "the content of a")
	laptop.AwaitFile("shared/docs/a", "the content of a")
	if r := agent.Must("history", "--json"); !strings.Contains(r.Stdout, `"unreachable":[]`) {
		t.Fatalf("no list of nobody: %s", r.Stdout)
	}
	remove(t, agent.Path("shared", "docs"))
	absent(laptop, "shared/docs")
	laptop.Must("restore", "--deleted", "shared")
	agent.AwaitFile("shared/docs/a", "the content of a")
	undone := decoded[api.UndoneLine](t, agent, "undo", "--by", "laptop", "--since", since)
	if undone.Restored != 0 || undone.Removed != 0 || !slices.Equal(undone.New, []string{"shared/docs/a"}) {
		t.Fatalf("%+v", undone)
	}
	undone = decoded[api.UndoneLine](t, agent, "undo", "--by", "laptop", "--since", since, "--remove-new")
	if undone.Restored != 0 || undone.Removed != 1 {
		t.Fatalf("%+v", undone)
	}
	absent(laptop, "shared/docs/a")
}

// A device deletes a directory and makes a file of its name. That is in the way of what
// was in the directory, unless it is removed.
func TestUndoWhereAFileIsInTheWay(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	laptop.Write("shared/docs/a", "the content of a")
	agent.AwaitFile("shared/docs/a", "the content of a")
	since := time.Now().Add(-time.Millisecond).UTC().Format(time.RFC3339Nano)
	remove(t, agent.Path("shared", "docs"))
	absent(laptop, "shared/docs")
	must(t, os.WriteFile(agent.Path("shared", "docs"), []byte("a file"), 0o644))
	laptop.AwaitFile("shared/docs", "a file")
	wantError(t, laptop.Run("undo", "--by", "agent", "--since", since, "--json"), api.ExitTrouble, api.CodeTrouble)
	undone := decoded[api.UndoneLine](t, laptop, "undo", "--by", "agent", "--since", since, "--remove-new")
	if undone.Restored != 1 || undone.Removed != 1 || len(undone.Skipped) > 0 {
		t.Fatalf("%+v", undone)
	}
	agent.AwaitFile("shared/docs/a", "the content of a")
}

// What a device has made and then changed was not there before: none of its drafts comes
// back, but for the last one if it has deleted the file.
func TestUndoOfWhatWasMadeAndChanged(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	since := time.Now().Add(-time.Second).UTC().Format(time.RFC3339Nano)
	for _, text := range []string{"a draft", "a better draft", "the report"} {
		for _, name := range []string{"shared/kept", "shared/deleted"} {
			agent.Write(name, text)
			laptop.AwaitFile(name, text)
		}
	}
	remove(t, agent.Path("shared", "deleted"))
	absent(laptop, "shared/deleted")
	for _, on := range []*botsynctest.Node{agent, laptop} {
		undone := decoded[api.UndoneLine](t, on, "undo", "--by", "agent", "--since", since, "--dry-run")
		if undone.Restored != 1 || undone.Files[0].Path != "shared/deleted" || undone.Files[0].Size != int64(len("the report")) || !slices.Equal(undone.New, []string{"shared/kept"}) {
			t.Fatalf("%s: %+v", on.Name, undone)
		}
	}
	undone := decoded[api.UndoneLine](t, laptop, "undo", "--by", "agent", "--since", since, "--remove-new")
	if undone.Restored != 1 || undone.Removed != 1 || len(undone.Skipped) > 0 {
		t.Fatalf("%+v", undone)
	}
	agent.AwaitFile("shared/deleted", "the report")
	absent(agent, "shared/kept")
}
