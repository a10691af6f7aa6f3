package machines

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/botsynctest"
)

// A root that was initialised, and has an invite open, but no peers, joins another
// network with what it has. What both have alike is not sent, and what differs is
// kept twice.
func TestJoiningWithWhatIsThere(t *testing.T) {
	t.Parallel()
	ours, theirs := cable(t, both)
	agent, laptop := ours.node("agent"), theirs.node("laptop")
	const files, size = 4, 2 << 20
	for i := range files {
		data := make([]byte, size)
		_, _ = rand.Read(data) // cannot be made smaller on the way
		name := fmt.Sprintf("shared/dir/equal %d", i)
		agent.Write(name, string(data))
		laptop.Write(name, string(data))
		if i > 0 { // copied by something that does not keep times
			old := time.Now().Add(-time.Duration(i) * time.Hour)
			if err := os.Chtimes(laptop.Path(filepath.FromSlash(name)), old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range []node{agent, laptop} {
		n.Write("shared/different.txt", "of "+n.Name)
		n.Write("inbox/only of "+n.Name, n.Name)
	}
	code := agent.Init().Code
	open := laptop.Init().Code
	if agent.Status().Network.ID == laptop.Status().Network.ID {
		t.Fatal("they are in one network already")
	}

	before := theirs.received()
	laptop.Join(code)
	mustHaveEachOther(t, agent, laptop)
	mustHaveTheSame(t, []node{agent, laptop})
	got := theirs.received() - before
	t.Logf("%d bytes came, with %d in files that both had", got, files*size)
	if got > size/2 {
		t.Errorf("%d bytes came: files that were there have been sent", got)
	}
	for _, n := range []node{agent, laptop} {
		var versions []string
		found, _ := filepath.Glob(n.Path("shared", "different*"))
		for _, file := range found {
			versions = append(versions, readFile(t, file))
		}
		if slices.Sort(versions); !slices.Equal(versions, []string{"of agent", "of laptop"}) {
			t.Errorf("%s has %q in %q", n.Name, versions, found)
		}
		if found, _ := filepath.Glob(n.Path("shared", "dir", "*")); len(found) != files {
			t.Errorf("%s has %q", n.Name, found)
		}
		n.AwaitFile("inbox/only of agent", "agent")
		n.AwaitFile("inbox/only of laptop", "laptop")
	}

	// What is new is sent, and counted.
	data := make([]byte, size)
	_, _ = rand.Read(data)
	agent.Write("shared/new", string(data))
	laptop.AwaitFile("shared/new", string(data))
	if got := theirs.received() - before; got < size {
		t.Errorf("only %d bytes came", got)
	}

	// The invite of before is one into the network that it is in now.
	late := ours.node("late")
	late.Join(open)
	mustHaveEachOther(t, agent, laptop, late)
	botsynctest.Await(t, "late has it all", func() bool { return botsynctest.TreeDiff(agent.Path("shared"), late.Path("shared")) == "" })
}

// received is how many bytes have come to the machine by eth0.
func (m *machine) received() int {
	m.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", m.ns, "cat", "/sys/class/net/eth0/statistics/rx_bytes").Output()
	if err != nil {
		m.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		m.t.Fatal(err)
	}
	return n
}
