package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// When there are not watches enough, what changes where none is left is found by
// scans; status says how to raise the limit, and takes that back by itself when
// it was raised. From then on changes are noticed at once again.
func TestNoChangeIsMissedAfterTheLimit(t *testing.T) {
	t.Parallel()
	agent, laptop := limited(t, "inotify_watches", 40)
	dirs := func(name string) []string {
		var all []string
		for i := range 30 {
			all = append(all, agent.Path("shared", fmt.Sprint(name, i%5), fmt.Sprint(i/5)))
		}
		return all
	}
	for _, dir := range dirs("before") {
		must(t, os.MkdirAll(dir, 0o755), os.WriteFile(dir+"/file", []byte("1"), 0o644))
	}
	c := newCrowd(t, agent)
	steps := botsynctest.AtLeast(t, changesEnv, 150)
	c.change(t, steps)
	s := agent.AwaitStatus("it says that there are not watches enough", func(s api.Status) bool { return limit(s) != nil })
	for _, want := range []string{"sudo sysctl -w fs.inotify.max_user_watches=", "/etc/sysctl.d/"} {
		if p := limit(s); !strings.Contains(p.Hint, want) || !strings.Contains(p.Message, "shared") {
			t.Errorf("the problem is %+v, and does not say %s", p, want)
		}
	}
	awaitFolder(t, agent, laptop)
	if r := agent.Run("doctor"); !strings.Contains(r.Stdout, "watch: Changes in ") || !strings.Contains(r.Stdout, "fix: sudo sysctl -w fs.inotify.max_user_watches=") {
		t.Errorf("doctor says %+v", r)
	}
	agent.AwaitCheck("watch", "", api.CheckWarn, "Changes in ", "sudo sysctl -w fs.inotify.max_user_watches=")
	// Some of these directories are watched, and some are not.
	for _, dir := range dirs("before") {
		must(t, os.WriteFile(dir+"/file", []byte("22"), 0o644))
	}
	must(t, os.Rename(agent.Path("shared", "before1"), agent.Path("shared", "after1")))
	c.change(t, steps)
	awaitFolder(t, agent, laptop)

	raise(t, agent, "inotify_watches")
	agent.AwaitStatus("it says nothing any more", func(s api.Status) bool { return limit(s) == nil })
	agent.AwaitCheck("watch", "", api.CheckOK, "Changes are noticed at once", "")
	c.change(t, steps)
	awaitFolder(t, agent, laptop)
	if p := limit(agent.Status()); p != nil {
		t.Errorf("the problem came back: %+v", p)
	}
	noConflicts(t, agent, laptop)
}

// The same where nothing can be watched at all.
func TestNoChangeIsMissedWithoutWatches(t *testing.T) {
	t.Parallel()
	agent, laptop := limited(t, "inotify_instances", 0)
	s := agent.AwaitStatus("it says that nothing is watched", func(s api.Status) bool { return limit(s) != nil })
	if p := limit(s); !strings.Contains(p.Hint, "sudo sysctl -w fs.inotify.max_user_instances=") {
		t.Errorf("the problem is %+v", p)
	}
	agent.AwaitCheck("watch", "", api.CheckWarn, "Changes in ", "sudo sysctl -w fs.inotify.max_user_instances=")
	agent.Write("shared/dir/file", "1")
	awaitFolder(t, agent, laptop)
	raise(t, agent, "inotify_instances")
	agent.AwaitStatus("it says nothing any more", func(s api.Status) bool { return limit(s) == nil })
	agent.AwaitCheck("watch", "", api.CheckOK, "Changes are noticed at once", "")
	agent.Write("shared/dir/file", "2")
	awaitFolder(t, agent, laptop)
}

func limit(s api.Status) *api.Problem {
	for _, p := range s.Problems {
		if p.Code == "watch_limit" {
			return &p
		}
	}
	return nil
}

// limited returns two connected nodes, of which the first runs in a user
// namespace with a limit of its own: one of those in /proc/sys/user, see
// namespaces(7).
func limited(t *testing.T, name string, value int) (agent, laptop *botsynctest.Node) {
	t.Helper()
	namespace := []string{needs.Tool(t, "unshare"), "--user", "--map-root-user", "--"}
	needs.Tool(t, "nsenter")
	set := fmt.Sprintf("echo %d >/proc/sys/user/max_%s", value, name)
	if out, err := exec.Command(namespace[0], append(namespace[1:], "sh", "-c", set)...).CombinedOutput(); err != nil {
		needs.Skip(t, "this test needs user namespaces: %v: %s", err, out)
	}
	agent, laptop = botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	agent.Wrap = append(namespace, "sh", "-c", set+` && exec "$@"`, "sh")
	invite := agent.Init() // the daemon stays there
	release(agent)
	agent.Wrap = nil
	laptop.Join(invite.Code)
	return agent, laptop
}

// raise gives a node as much as the machine has.
func raise(t *testing.T, n *botsynctest.Node, name string) {
	t.Helper()
	out, err := exec.Command("nsenter", "--user", "--target", strconv.Itoa(n.PID()),
		"sh", "-c", "echo 100000 >/proc/sys/user/max_"+name).CombinedOutput()
	if err != nil {
		t.Fatalf("raising the limit: %v: %s", err, out)
	}
}
