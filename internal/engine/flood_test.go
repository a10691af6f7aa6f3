package engine

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// entriesEnv is how many files TestFloodOfEntries announces, more than a page of those
// that are pulled; a million take some minutes.
const entriesEnv = "BOTSYNC_TEST_ENTRIES"

// A member announces more files than anybody has, and gives none of them. The
// daemon takes as much memory for that as before or little more, answers, and
// moves the files of others meanwhile, also after another start.
func TestFloodOfEntries(t *testing.T) {
	t.Parallel()
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init().Code)
	p := newBadPeer(t, agent)
	count := botsynctest.AtLeast(t, entriesEnv, pullPage+10_000)
	start := time.Now()
	const batch = 1000 // Syncthing's own
	for sent := 0; sent < count; sent += batch {
		var files []protocol.FileInfo
		for i := range min(batch, count-sent) {
			f := p.file("x", []byte("never given"))
			f.Name = fmt.Sprintf("flood/%d/%d", (sent+i)/1000, sent+i)
			files = append(files, f)
		}
		var err error
		if sent == 0 {
			err = p.conn.Index(t.Context(), &protocol.Index{Folder: p.folder, Files: files, LastSequence: p.sequence})
		} else {
			err = p.conn.IndexUpdate(t.Context(), &protocol.IndexUpdate{Folder: p.folder, Files: files, LastSequence: p.sequence, PrevSequence: files[0].Sequence - 1})
		}
		if err != nil {
			t.Fatalf("after %d entries: %v", sent, err)
		}
	}
	t.Logf("%d entries were sent in %v", count, time.Since(start).Round(time.Millisecond))
	laptop.Write("shared/honest", "hello")
	botsynctest.AwaitFor(t, time.Duration(max(1, count/5000))*botsynctest.Patience, "an honest file", func() bool {
		data, _ := os.ReadFile(agent.Path("shared", "honest"))
		return string(data) == "hello"
	})
	t.Logf("an honest file arrived %v after the first entry", time.Since(start).Round(time.Millisecond))
	botsynctest.AwaitFor(t, time.Duration(max(1, count/5000))*botsynctest.Patience, "all entries are known", func() bool {
		return slices.ContainsFunc(agent.Status().Folders, func(f api.Folder) bool { return f.NeedFiles >= count })
	})
	if mib, ok := mostMemory(t, agent.PID()); ok && mib > 200 {
		t.Errorf("it took %d MiB", mib)
	}
	p.socket.Close()
	start = time.Now()
	agent.Must("stop")
	agent.Must("start")
	t.Logf("it has stopped and started in %v", time.Since(start).Round(time.Millisecond))
	laptop.Write("shared/after", "hello")
	agent.AwaitFile("shared/after", "hello")
}

// mostMemory is the most memory that a process has had so far, in MiB, where the system
// tells.
func mostMemory(t *testing.T, pid int) (int, bool) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Logf("the memory is not known: %v", err)
		return 0, false
	}
	var kib int
	if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
		_, _ = fmt.Sscan(rest, &kib)
	}
	t.Logf("%d MiB at most", kib>>10)
	return kib >> 10, true
}
