package machines

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// A troubleMaker does to daemons, network, disk and clocks what happens to them.
type troubleMaker struct {
	*rand.Rand
	*ledger
	t         *testing.T
	sw        *machine // each node is at the port of its number
	nodes     []node
	small     string // the disk of the last node
	ballast   []string
	unplugged map[int]bool
	isolated  bool // the first two nodes do not reach each other
	full      bool
	did       map[string]int
	made      int // troubles so far
}

// troubles are how many kinds there are, some of them the same.
const troubles = 21

// oneOfEach are the first ones, so that there is one of each however few there are.
var oneOfEach = []int{16, 14, 18, 10, 13, 8, 9, 0}

// make makes one trouble, or ends one.
func (m *troubleMaker) make() {
	i := m.IntN(len(m.nodes))
	n := m.nodes[i]
	kind := m.IntN(troubles)
	if m.made < len(oneOfEach) {
		kind = oneOfEach[m.made]
	}
	m.made++
	switch kind {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		m.count(n, "kill")
		n.Kill()
		m.pause(300)
		m.start(n)
	case 8:
		m.count(n, "restart")
		if r := n.Run("stop"); r.Exit != 0 {
			_ = syscall.Kill(n.PID(), syscall.SIGQUIT)
			botsynctest.Await(m.t, n.Name+" says where it hangs", func() bool { return !n.Held() })
			where, _ := os.ReadFile(n.Path(".botsync", "logs", "stderr.log"))
			m.t.Errorf("%s: stop: exit %d\n%s%s", n.Name, r.Exit, r.Stderr, where)
		}
		m.pause(300)
		m.start(n)
	case 9: // all at once, as when the power comes back
		for _, n := range m.nodes {
			m.count(n, "kill")
			n.Kill()
		}
		for _, n := range m.nodes {
			m.start(n)
		}
	case 10, 11, 12:
		m.plug(i, m.unplugged[i])
	case 13:
		m.isolate(!m.isolated)
	case 14, 15:
		m.count(n, "suspend")
		pid := n.PID()
		_ = syscall.Kill(pid, syscall.SIGSTOP)
		m.pause(1500)
		_ = syscall.Kill(pid, syscall.SIGCONT)
	case 16, 17:
		if m.full {
			m.free()
		} else {
			m.fill()
		}
	case 20:
		m.decide()
	case 18, 19: // until it starts again
		wrong := time.Duration(m.IntN(2*maxWrong)-maxWrong) * time.Minute
		m.count(n, "clock")
		m.note(n.Name, "clock wrong by %v", wrong)
		skewClock(m.t, n, wrong)
	}
}

// maxWrong is how wrong clocks are, in minutes. History keeps everything for a
// day by its clock, and this may be that of a device which is ahead, for a version
// of the time when it was behind.
const maxWrong = 15

// resumeWait is how long a decision is waited for: others may be out of reach.
const resumeWait = 10 * time.Second

// decide decides what to do where the brake holds deletions: programs delete more
// than a third of the folder in ten minutes. It reports whether there was something.
func (m *troubleMaker) decide() (held bool) {
	for _, n := range m.nodes {
		for _, f := range n.Status().Folders {
			if f.State != api.FolderHeld {
				continue
			}
			held = true
			how := []string{"--accept", "--undo"}[m.IntN(2)]
			m.count(n, how)
			// It is carried out also if nobody waits for it.
			ctx, cancel := context.WithTimeout(context.Background(), resumeWait)
			if out, err := n.Command(ctx, "resume", f.Name, how).CombinedOutput(); err != nil {
				m.note(n.Name, "resume: %v: %s", err, out)
			}
			cancel()
		}
	}
	return held
}

// pause lets time pass, up to ms milliseconds.
func (m *troubleMaker) pause(ms int) {
	time.Sleep(time.Duration(m.IntN(ms)) * time.Millisecond) // when trouble comes and ends is what is random here
}

func (m *troubleMaker) count(n node, what string) {
	m.did[what]++
	m.note(n.Name, "%s", what)
}

// start starts a daemon. Where the disk is full it may say that it cannot.
func (m *troubleMaker) start(n node) {
	r := n.Run("start")
	if r.Exit != 0 && m.full && n == m.nodes[len(m.nodes)-1] {
		m.note(n.Name, "not started: %s", r.Stderr)
		m.did["not started"]++
		m.free()
		r = n.Run("start")
	}
	if r.Exit != 0 {
		m.t.Fatalf("%s does not start: exit %d\n%s%s", n.Name, r.Exit, r.Stdout, r.Stderr)
	}
	m.note(n.Name, "started")
}

// plug gives a node its network back, or takes it away.
func (m *troubleMaker) plug(i int, in bool) {
	state := map[bool]string{true: "up", false: "down"}[in]
	m.count(m.nodes[i], "cable "+state)
	m.sw.sh("ip link set port%d %s", i, state)
	m.unplugged[i] = !in
}

// isolate has the first two nodes reach the others, but not each other.
func (m *troubleMaker) isolate(on bool) {
	state := map[bool]string{true: "on", false: "off"}[on]
	m.count(m.nodes[0], "isolated "+state)
	m.sw.sh("for i in 0 1; do bridge link set dev port$i isolated %s; done", state)
	m.isolated = on
}

// fill takes all the room of the small disk.
func (m *troubleMaker) fill() {
	m.count(m.nodes[len(m.nodes)-1], "disk full")
	m.full = true
	name := filepath.Join(m.small, fmt.Sprint("ballast", len(m.ballast)))
	m.ballast = append(m.ballast, name)
	f, err := os.Create(name)
	if err != nil {
		return // it was full before
	}
	defer f.Close()
	for size := 4 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			m.t.Errorf("filling the disk: %v", err)
			return
		}
	}
}

func (m *troubleMaker) free() {
	m.count(m.nodes[len(m.nodes)-1], "disk free")
	for _, name := range m.ballast {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			m.t.Errorf("making room on the small disk: %v", err)
		}
	}
	m.ballast, m.full = nil, false
	m.isFull(m.nodes[len(m.nodes)-1].Name)
}

// heal ends all troubles.
func (m *troubleMaker) heal() {
	if m.full {
		m.free()
	}
	if m.isolated {
		m.isolate(false)
	}
	for i := range m.nodes {
		if m.unplugged[i] {
			m.plug(i, true)
		}
	}
}

// smallDisk mounts a disk of the given size, in bytes, until the test ends.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := botsynctest.TempDir(t)
	needs.Tool(t, "mount")
	if err := syscall.Mount("botsync-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		needs.Skip(t, "this test needs the right to mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}
