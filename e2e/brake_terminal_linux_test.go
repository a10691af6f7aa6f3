package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
)

// On a terminal resume shows what is held and asks; whoever only presses Enter has
// decided nothing. Without one it never asks.
func TestResumeAsks(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	writeMany(agent, "shared/lost", 60)
	awaitSame(t, agent, laptop)
	must(t, os.Rename(agent.Path("shared/lost"), out(agent, "lost")))
	awaitHeld(agent, "shared", 60)
	const question = "bring them (b)ack, (d)elete them on the other devices as well, or decide later (Enter)?"
	if r := agent.Must("resume"); strings.Contains(r.Stderr, question) {
		t.Error(r.Stderr)
	}
	for _, answer := range []string{"\n", "yes\n", "\x04", "b\n"} {
		screen := openTerminal(t, agent, nil, "resume")
		screen.await("60 of 60 files in shared/ vanished here", question)
		_, err := screen.master.WriteString(answer)
		must(t, err)
		if exit := screen.exit(); exit != 0 {
			t.Fatalf("%q: exit code %d\n%s", answer, exit, screen.shown())
		}
		if held := folderOf(agent.Status(), "shared").State == api.FolderHeld; held != (answer != "b\n") {
			t.Fatalf("%q: held is %v\n%s", answer, held, screen.shown())
		}
	}
	awaitFree(agent, "shared")
	awaitSame(t, agent, laptop)
	if n := countFiles(t, agent.Path("shared")); n != 60 {
		t.Errorf("%d of 60 files are back", n)
	}
}
