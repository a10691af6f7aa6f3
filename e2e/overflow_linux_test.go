package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// While the daemon is stopped, as in a machine that is too busy, more happens
// than the kernel keeps: what it has thrown away is found all the same.
func TestNoChangeIsMissedAfterAnOverflow(t *testing.T) {
	t.Parallel()
	var keeps int
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	must(t, err)
	_, err = fmt.Sscan(string(limit), &keeps)
	if must(t, err); keeps > 500_000 {
		needs.Skip(t, "this test needs a kernel that keeps fewer events than %d", keeps)
	}
	agent, laptop := pair(t)
	release(agent)
	c := newCrowd(t, agent)
	steps := botsynctest.AtLeast(t, changesEnv, 300)
	c.change(t, steps)
	awaitFolder(t, agent, laptop)
	if n := overflows(t, agent); n > 0 {
		t.Fatal("it overflowed before it was meant to")
	}
	daemon := agent.PID()
	must(t, syscall.Kill(daemon, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(daemon, syscall.SIGCONT) })
	botsynctest.Await(t, "the daemon is stopped", func() bool { return stopped(t, daemon) })
	two := []string{agent.Path("shared", "flood 1"), agent.Path("shared", "flood 2")}
	for _, path := range two {
		must(t, os.WriteFile(path, nil, 0o644))
	}
	for i := range keeps + 1 { // an event each, since the kernel joins only those that are the same
		must(t, os.Chmod(two[i%2], []os.FileMode{0o600, 0o644}[i/2%2]))
	}
	c.change(t, steps) // nothing is told of this
	must(t, syscall.Kill(daemon, syscall.SIGCONT))
	c.change(t, steps) // this is in the midst of it
	awaitFolder(t, agent, laptop)
	botsynctest.Await(t, "the overflow", func() bool { return overflows(t, agent) > 0 })
	c.change(t, steps)
	awaitFolder(t, agent, laptop)
	noConflicts(t, agent, laptop)
}

// stopped reports whether no thread of a process runs.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	must(t, err)
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		must(t, err)
		if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return len(threads) > 0
}

// overflows is how many a daemon has met, by its log.
func overflows(t *testing.T, n *botsynctest.Node) int {
	t.Helper()
	log, err := os.ReadFile(n.Path(".botsync", "logs", "daemon.log"))
	must(t, err)
	return strings.Count(string(log), "More changes came than the system keeps")
}
