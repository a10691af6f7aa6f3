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

// entriesEnv is how many files TestFloodOfEntries announces; a million take some
// minutes.
const entriesEnv = "BOTSYNC_TEST_ENTRIES"

// A member announces more files than anybody has, and gives none of them. The
// daemon takes as much memory for that as before or little more, answers, and
// moves the files of others meanwhile.
func TestFloodOfEntries(t *testing.T) {
	t.Parallel()
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init().Code)
	p := newBadPeer(t, agent)
	count := botsynctest.AtLeast(t, entriesEnv, 5000)
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
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", agent.PID()))
	if err != nil {
		t.Logf("the memory is not known: %v", err)
		return
	}
	var kib int
	if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
		_, _ = fmt.Sscan(rest, &kib)
	}
	t.Logf("%d MiB at most", kib>>10)
	if kib>>10 > 300 {
		t.Errorf("it took %d MiB", kib>>10)
	}
}
