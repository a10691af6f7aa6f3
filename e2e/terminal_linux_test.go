package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// codeOn is the code in the command that a person types on the other machine.
func codeOn(t *testing.T, screen *terminal) string {
	t.Helper()
	found := regexp.MustCompile(`botsync join ([a-z]+(-[a-z]+){4})`).FindStringSubmatch(screen.shown())
	if found == nil {
		t.Fatalf("there is no command to type: %q", screen.shown())
	}
	return found[1]
}

// On a terminal: the code in a frame and in large letters, a spinner, the time
// that is left, and who has joined.
func TestInitOnATerminal(t *testing.T) {
	t.Parallel()
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	screen := openTerminal(t, agent, nil, "init", "--lan-only", "--name", "vps")
	screen.await("╭──", "█", "╰──", "On the other machine, before", "Waiting, ", "left. ", "\x1b[1m", "\r\x1b[K")
	// It moves: the time goes down, and the spinner turns.
	screen.await("9:58", "⠋", "⠙", "⠹", "⠸")
	code := codeOn(t, screen)
	laptop.Join(code, "--role", "human")
	if exit := screen.exit(); exit != 0 {
		t.Fatalf("exit code %d", exit)
	}
	screen.await("laptop (human)", "has joined")
	// The code that can be copied stands in the frame and in the command, and
	// nowhere a third time for a pipe that is not there.
	if n := strings.Count(screen.shown(), code); n != 2 {
		t.Fatalf("the code is shown %d times: %q", n, screen.shown())
	}
}

func TestNoColorOnATerminal(t *testing.T) {
	t.Parallel()
	agent := botsynctest.New(t, "agent")
	screen := openTerminal(t, agent, []string{"NO_COLOR=1"}, "init", "--lan-only", "--no-wait")
	if exit := screen.exit(); exit != 0 {
		t.Fatalf("exit code %d", exit)
	}
	screen.await("On the other machine")
	for _, args := range [][]string{{"status"}, {"invite", "--no-wait"}, {"stop"}, {"status"}} {
		s := openTerminal(t, agent, []string{"NO_COLOR=1"}, args...)
		s.exit()
		s.await("\r\n")
		if strings.Contains(s.shown(), "\x1b") {
			t.Errorf("NO_COLOR botsync %s wrote %q", strings.Join(args, " "), s.shown())
		}
	}
	if strings.Contains(screen.shown(), "\x1b") {
		t.Errorf("NO_COLOR botsync init wrote %q", screen.shown())
	}
}

// --json and --quiet mean the same on a terminal as elsewhere.
func TestProgramsOnATerminal(t *testing.T) {
	t.Parallel()
	agent := botsynctest.New(t, "agent")
	screen := openTerminal(t, agent, nil, "init", "--lan-only", "--no-wait", "--json")
	if exit := screen.exit(); exit != 0 {
		t.Fatalf("exit code %d", exit)
	}
	screen.await(`"type":"invite"`)
	if got := screen.shown(); strings.Count(got, "\n") != 1 || strings.Contains(got, "\x1b") {
		t.Errorf("--json wrote %q", got)
	}
	screen = openTerminal(t, agent, nil, "invite", "--no-wait", "--quiet")
	if exit := screen.exit(); exit != 0 {
		t.Fatalf("exit code %d", exit)
	}
	screen.await("-")
	if got := screen.shown(); !regexp.MustCompile(`^[a-z]+(-[a-z]+){4}\r\n$`).MatchString(got) {
		t.Errorf("--quiet wrote %q", got)
	}
}

// join asks for the code only where somebody can answer.
func TestJoinAsksOnATerminal(t *testing.T) {
	t.Parallel()
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	code := agent.Init().Code
	screen := openTerminal(t, laptop, nil, "join", "--lan-only", "--name", "laptop", "-")
	screen.await("Code: ")
	screen.typed(strings.ToUpper(code) + "\n")
	if exit := screen.exit(); exit != 0 {
		t.Fatalf("exit code %d: %q", exit, screen.shown())
	}
	screen.await("Joined", "\x1b[")
}

// Ctrl-C ends the waiting; the invite stays open. Closing the terminal does the
// same, and neither ends the daemon.
func TestDaemonOutlivesItsTerminal(t *testing.T) {
	t.Parallel()
	agent := botsynctest.New(t, "agent")
	screen := openTerminal(t, agent, nil, "init", "--lan-only")
	screen.await("Waiting, ")
	screen.typed("\x03")
	if exit := screen.exit(); exit != 1 {
		t.Fatalf("exit code %d", exit)
	}
	screen.await("The invite stays open")
	if s := agent.Status(); s.State != api.StateRunning || len(s.Invites) != 1 {
		t.Fatalf("after Ctrl-C: %+v", s)
	}
	agent.Must("stop")

	screen = openTerminal(t, agent, nil, "init", "--lan-only")
	screen.await("Waiting, ")
	code := codeOn(t, screen)
	screen.master.Close() // the system sends SIGHUP to what is in it
	screen.exit()
	if s := agent.Status(); s.State != api.StateRunning {
		t.Fatalf("after the terminal was closed: %+v", s)
	}
	laptop := botsynctest.New(t, "laptop")
	laptop.Join(code)
}

func TestWatchOnATerminal(t *testing.T) {
	t.Parallel()
	agent := botsynctest.New(t, "agent")
	agent.Init()
	screen := openTerminal(t, agent, nil, "status", "--watch")
	screen.await("\x1b[H", "Waiting for a device to join", "shared/")
	laptop := botsynctest.New(t, "laptop")
	laptop.Join(agent.Invite().Code)
	screen.await("laptop", "connected", "In sync")
	screen.typed("\x03")
	if exit := screen.exit(); exit != 0 {
		t.Fatalf("exit code %d", exit)
	}
}
