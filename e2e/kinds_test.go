//go:build unix

package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// A directory that became a file, and a file that became a directory, are deleted
// on the other side too if that has not heard of what they were in between.
func TestWhatChangedItsKindIsDeleted(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	dir, link, file := agent.Path("shared", "dir"), agent.Path("shared", "dir to link"), agent.Path("shared", "file")
	must(t, os.Mkdir(dir, 0o755), os.Mkdir(link, 0o755), os.WriteFile(file, nil, 0o644))
	agent.Write("shared/dir/in", "x")
	awaitSame(t, agent, laptop)
	laptop.Must("stop")
	must(t, os.RemoveAll(dir), os.WriteFile(dir, []byte("x"), 0o644))
	must(t, os.Remove(link), os.Symlink("x", link))
	must(t, os.Remove(file), os.Mkdir(file, 0o755))
	agent.Write("shared/last", "x")
	var log string
	defer func() {
		if t.Failed() {
			t.Logf("the log was:\n%s", log)
		}
	}()
	botsynctest.Await(t, "all of it is noticed", func() bool {
		log = agent.Must("log", "--json", "--path", "shared").Stdout
		last := map[string]string{} // what happened last to each path
		for line := range strings.Lines(log) {
			var e api.Event
			must(t, json.Unmarshal([]byte(line), &e))
			last[e.Path] = e.Kind + " " + e.Action
		}
		return last["dir"] == "file new" && last["dir to link"] == "symlink new" && last["last"] == "file new"
	})
	must(t, os.Remove(dir), os.Remove(link), os.Remove(file))
	laptop.Must("start")
	awaitSame(t, agent, laptop)
}
