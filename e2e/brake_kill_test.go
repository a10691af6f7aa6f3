//go:build unix

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

const (
	lostFiles = 240 // are held
	keptFiles = 40  // stay
)

// A decision is one about what is held, that a kill comes into.
type decision struct {
	agent, laptop *botsynctest.Node
	accept        bool
}

func (d decision) flag() string {
	if d.accept {
		return "--accept"
	}
	return "--undo"
}

// done is how many files it has brought back, or taken from the peer.
func (d decision) done(t *testing.T) int {
	t.Helper()
	// Faster than a look at each file.
	count := func(n *botsynctest.Node) int { return len(glob(t, n.Path("shared", "lost", "*", "*.md"))) }
	if d.accept {
		return lostFiles - count(d.laptop)
	}
	return count(d.agent)
}

// taken is what is on the disk of the decision: "" if nothing was decided, what it is
// if it is being carried out, and how it ended.
func (d decision) taken(t *testing.T) string {
	t.Helper()
	files := glob(t, d.agent.Path(".botsync", "engine", "brake-*-shared.json"))
	if len(files) != 1 {
		t.Fatalf("the state of the brake is in %q", files)
	}
	data, err := os.ReadFile(files[0])
	must(t, err)
	var state struct{ Decision, Outcome string }
	must(t, json.Unmarshal(data, &state))
	return state.Decision + state.Outcome
}

// A resumeStage is how far a decision is when a kill comes.
type resumeStage struct {
	name string
	part float64 // of the files that are done; below 0 before it is taken, 0 as soon as it is
}

var resumeStages = []resumeStage{{"before it is taken", -1}, {"as soon as it is taken", 0}, {"with the first file done", 0.001}, {"in the middle", 0.5}, {"near the end", 0.8}}

// Killed at each stage of a decision, the device that takes it or the other one: the
// next start goes on with it, or it was not taken.
func TestKillsWhileResuming(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(botsynctest.Seed(t), 0))
	agent, laptop := pair(t)
	writeMany(agent, "shared/kept", keptFiles)
	rounds := botsynctest.AtLeast(t, killsEnv, 2*len(resumeStages))
	turn := random.IntN(2)
	for round := range rounds {
		stage := resumeStages[round/2%len(resumeStages)]
		d := decision{agent, laptop, round%2 == 1}
		// Each stage of each decision; who dies changes from stage to stage.
		victim := []*botsynctest.Node{agent, laptop}[(round/2+round+turn)%2]
		if stage.part < 0 {
			victim = agent // the other one does not know yet
		}
		name := fmt.Sprintf("%s, %s killed %s", d.flag(), victim.Name, stage.name)
		for try := 1; !killWhileResuming(t, d, stage, victim, name); try++ {
			if try == killTries {
				t.Fatalf("%s: it was always done before", name)
			}
			t.Logf("%s: too late", name)
		}
	}
}

// killWhileResuming reports whether the kill came at the stage, and not when all was
// done.
func killWhileResuming(t *testing.T, d decision, stage resumeStage, victim *botsynctest.Node, name string) (inTime bool) {
	t.Helper()
	agent, laptop := d.agent, d.laptop
	writeMany(agent, "shared/lost", lostFiles)
	awaitSame(t, agent, laptop)
	agent.Must("wait", "--synced", "--timeout", "60s") // a file that is looked at as it vanishes, alone, is let through
	must(t, os.RemoveAll(out(agent, "lost")), os.Rename(agent.Path("shared/lost"), out(agent, "lost")))
	awaitHeld(agent, "shared", lostFiles)

	pid := victim.PID()
	if pid <= 1 {
		t.Fatalf("%s has no daemon", victim.Name)
	}
	cmd := agent.Command(t.Context(), "resume", d.flag())
	must(t, cmd.Start())
	awaitMoment(t, name, func() bool {
		switch {
		case stage.part < 0:
			return true
		case stage.part == 0:
			return d.taken(t) != ""
		}
		return float64(d.done(t)) >= stage.part*lostFiles
	})
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	done := d.done(t) // at once: the other one goes on
	botsynctest.Await(t, victim.Name+"'s daemon is gone", func() bool { return !victim.Held() })
	taken := d.taken(t)
	inTime = done < lostFiles
	switch {
	case stage.part < 0:
		inTime = taken == ""
	case stage.part == 0 && victim == agent:
		inTime = "--"+taken == d.flag() // and not over
	}
	t.Logf("%s: %d of %d files done, %q", name, done, lostFiles, taken)
	if victim == agent {
		_ = cmd.Wait()
	}
	victim.Must("start")
	_ = cmd.Wait()

	if taken != "" {
		awaitFree(agent, "shared") // nobody says it again
	} else {
		awaitHeld(agent, "shared", lostFiles)
		if n := countFiles(t, laptop.Path("shared")); n != keptFiles+lostFiles {
			t.Fatalf("%s: the peer has %d files", name, n)
		}
		agent.Must("resume", d.flag())
		awaitFree(agent, "shared")
	}
	if line := decoded[api.ResumeLine](t, agent, "resume", d.flag()); len(line.Folders) > 0 {
		t.Errorf("%s: there was something left to decide: %+v", name, line)
	}
	awaitSame(t, agent, laptop)
	want := keptFiles
	if !d.accept {
		want += lostFiles
	}
	if n := countFiles(t, laptop.Path("shared")); n != want {
		t.Fatalf("%s: %d files, want %d", name, n, want)
	}
	return inTime
}
