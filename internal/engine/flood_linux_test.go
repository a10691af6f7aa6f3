package engine

import (
	"fmt"
	"os"
	"testing"

	"github.com/syncthing/syncthing/lib/protocol"
	"golang.org/x/sys/unix"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// A member announces many more tiny files than the daemon may have open, and keeps
// it waiting for all of them: the daemon goes on answering, to other members as
// well, and receives what they have in other folders. When the member has gone, so
// has what it was asked for, and what others have here arrives too.
func TestFloodTakesNoDescriptors(t *testing.T) {
	t.Parallel()
	const limit, count = 256, maxPulling + 500
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init().Code)
	p := newBadPeer(t, agent)
	p.silent = "flood"
	least := unix.Rlimit{Cur: limit, Max: limit}
	if err := unix.Prlimit(agent.PID(), unix.RLIMIT_NOFILE, &least, nil); err != nil {
		t.Fatal(err)
	}
	var files []protocol.FileInfo
	for i := range count {
		files = append(files, p.file(fmt.Sprintf("flood/%d", i), fmt.Append(nil, "never given", i)))
	}
	if !p.announce(files...) {
		t.Fatal("the daemon has hung up")
	}
	asked := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.asked)
	}
	botsynctest.Await(t, "it has asked for many", func() bool { return asked() >= maxPulling })
	open := func() int {
		names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", agent.PID()))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	if n := open(); n > limit/2 {
		t.Errorf("%d files are open", n)
	}
	laptop.Must("stop")
	laptop.Must("start")
	agent.AwaitStatus("the laptop is connected again", func(s api.Status) bool {
		for _, peer := range s.Peers {
			if peer.Name == "laptop" {
				return peer.Connected
			}
		}
		return false
	})
	laptop.Write("inbox/meanwhile", "hello")
	agent.AwaitFile("inbox/meanwhile", "hello")
	laptop.Write("shared/after", "hello")
	if n := asked(); n > maxPulling+10 {
		t.Errorf("it has asked for %d files at a time", n)
	}
	t.Logf("%d files are open, of %d that may be", open(), limit)
	p.socket.Close()
	agent.AwaitFile("shared/after", "hello")
}
