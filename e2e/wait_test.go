//go:build unix

package e2e

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/needs"
	"github.com/botsync/botsync/internal/root"
)

// When wait --synced says so, the other side has everything, at that moment:
// whatever was done right before, however large, and however often a daemon was
// killed or began anew.
func TestSyncedIsTrue(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	seed := mathrand.Uint64()
	t.Logf("seed %d", seed)
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	made := []string{}
	for round := range 14 {
		from, to := agent, laptop
		if random.IntN(2) == 0 {
			from, to = laptop, agent
		}
		away := ""
		switch round % 7 {
		case 2: // both were gone, and changed nothing
			agent.Kill()
			laptop.Kill()
		case 4:
			to.Kill()
			away = "killed"
		case 6:
			to.Must("stop")
			away = "stopped"
		}
		for range 1 + random.IntN(8) {
			name := filepath.Join(folders[random.IntN(3)], fmt.Sprint("dir", random.IntN(4)), fmt.Sprint("file", random.IntN(20)))
			path := from.Path(name)
			switch {
			case random.IntN(4) == 0 && len(made) > 0:
				must(t, os.RemoveAll(from.Path(made[random.IntN(len(made))])))
			case random.IntN(6) == 0 && len(made) > 0:
				_ = os.RemoveAll(filepath.Dir(from.Path(made[random.IntN(len(made))]))) // the directory
			default:
				data := make([]byte, random.IntN([]int{1, 1000, 5 << 20}[random.IntN(3)])+1)
				_, err := rand.Read(data)
				must(t, err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644))
				made = append(made, name)
			}
		}
		for _, n := range []*botsynctest.Node{agent, laptop} {
			if !n.Held() {
				n.Must("start")
			}
		}
		req := api.SyncedRequest{Timeout: botsynctest.Patience}
		if away != "" || round%2 == 0 {
			req.Peers = []string{to.Name}
		}
		c := client(t, from)
		// Without a process in between, which would take longer than the daemon
		// takes to notice a change by itself.
		must(t, os.WriteFile(from.Path("shared", "last"), fmt.Appendf(nil, "%d", round), 0o644))
		if _, err := c.WaitSynced(t.Context(), req, nil); err != nil {
			t.Fatalf("round %d, %+v, %s %s: %v", round, req, to.Name, away, err)
		}
		for _, folder := range folders {
			if diff := botsynctest.TreeDiff(from.Path(folder), to.Path(folder)); diff != "" {
				t.Fatalf("round %d, %+v, %s %s: not synced:\n%s", round, req, to.Name, away, diff)
			}
		}
	}
}

// What was known of a peer before this device was away is not what it has now.
func TestSyncedAfterAnAbsence(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	release(laptop)
	const files = 300
	for i := range files {
		agent.Write(fmt.Sprintf("shared/old%04d", i), fmt.Sprint("old", i)) // no two alike: Syncthing compares those
	}
	agent.Must("wait", "--synced")
	agent.Kill()
	for i := range files {
		laptop.Write(fmt.Sprintf("shared/new%04d", i), fmt.Sprint("new", i))
		must(t, os.Remove(laptop.Path("shared", fmt.Sprintf("old%04d", i))))
	}
	laptop.Write("shared/last", "z")
	laptop.AwaitStatus("all of it noticed", func(s api.Status) bool { return s.Folders[0].Files == files+1 })
	agent.Must("start")
	if _, err := client(t, agent).WaitSynced(t.Context(), api.SyncedRequest{Peers: []string{laptop.Name}}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := botsynctest.TreeDiff(agent.Path("shared"), laptop.Path("shared")); diff != "" {
		t.Errorf("not synced:\n%s", diff)
	}
}

// What a device wrote is with the other one also if it has lost a conflict in the
// meantime, and is in a conflict copy now.
func TestSyncedHasConflictCopies(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	write := func(n *botsynctest.Node, text string) {
		for i := range 40 {
			n.Write(fmt.Sprintf("shared/both%d", i), text)
		}
	}
	for round := range 6 {
		write(agent, fmt.Sprintf("what both had in round %d", round))
		agent.Must("wait", "--synced")
		laptop.Must("stop")
		agent.Must("stop")
		write(agent, fmt.Sprintf("by the agent in round %d", round))
		write(laptop, fmt.Sprintf("by the laptop in round %d", round))
		laptop.Must("start")
		agent.Must("start")
		if _, err := client(t, agent).WaitSynced(t.Context(), api.SyncedRequest{Timeout: botsynctest.Patience}, nil); err != nil {
			t.Fatal(err)
		}
		if diff := botsynctest.TreeDiff(agent.Path("shared"), laptop.Path("shared")); diff != "" {
			t.Fatalf("round %d: not synced:\n%s", round, diff)
		}
	}
}

func client(t *testing.T, n *botsynctest.Node) *control.Client {
	t.Helper()
	r, err := root.Open(n.Root)
	must(t, err)
	c, err := control.Dial(t.Context(), r)
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// printed runs a command whose output is read as it comes.
type printed struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func print(t *testing.T, n *botsynctest.Node, args ...string) *printed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), botsynctest.Patience)
	t.Cleanup(cancel)
	p := &printed{cmd: n.Command(ctx, args...)}
	out, err := p.cmd.StdoutPipe()
	must(t, err, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	p.lines = bufio.NewScanner(out)
	return p
}

// Each file is told when it is there. Each is written when the one before was
// told, so that whatever looked every few seconds, on either side, would find one
// at a time, and not all of them before the command is ended. And waiting costs
// nothing.
func TestNewFilesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	agent.Must("wait", "--synced")
	const seconds = 5 // how often it would have to look to pass
	const files = int(botsynctest.Patience/time.Second)/seconds + 3
	waiting := print(t, laptop, "wait", "--new", "inbox", "--since", "0", "--json")
	for i := range files {
		name := fmt.Sprint("inbox/file", i)
		agent.Write(name, "x")
		if !waiting.lines.Scan() {
			t.Fatalf("it ended, and %d of %d files were told: %v", i, files, waiting.lines.Err())
		}
		var f api.NewFile
		must(t, json.Unmarshal(waiting.lines.Bytes(), &f))
		if f.Path != name {
			t.Fatalf("%+v, not %s", f, name)
		}
		if _, err := os.Lstat(laptop.Path(f.Path)); err != nil {
			t.Errorf("%s was told and is not there: %v", f.Path, err)
		}
	}

	// A process that waits does nothing.
	cpu := func(pid int) time.Duration {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			needs.Skip(t, "/proc, which says what a process costs: %v", err)
		}
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		var ticks, more time.Duration
		fmt.Sscan(fields[11], &ticks)
		fmt.Sscan(fields[12], &more)
		return (ticks + more) * 10 * time.Millisecond // a tick is 1/100 s to every program
	}
	before := cpu(waiting.cmd.Process.Pid)
	time.Sleep(2 * time.Second) // the time that is measured
	if used := cpu(waiting.cmd.Process.Pid) - before; used > 20*time.Millisecond {
		t.Errorf("in two seconds of waiting it used the processor for %v", used)
	}
}

// Whatever kills the daemon while it sends, a file has its name when it is whole,
// and not before, on either side; and what was half made is removed.
func TestKilledWhileSending(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	const size = 16 << 20
	source := agent.Path("source")
	must(t, os.Mkdir(source, 0o755))
	block := make([]byte, size)
	_, err := rand.Read(block)
	must(t, err)
	for _, name := range []string{"one", "two"} {
		must(t, os.WriteFile(filepath.Join(source, name), block, 0o644))
	}
	took := agent.Must("send", source, "--name", "first").Took
	whole := 0
	const kills = 8
	for i := range kills {
		ctx, cancel := context.WithTimeout(t.Context(), botsynctest.Patience)
		cmd := agent.Command(ctx, "send", source, "--name", fmt.Sprint("sent", i))
		must(t, cmd.Start())
		at := took * time.Duration(i) / (kills - 2)
		time.Sleep(at) // anywhere between the start of the command and its end
		agent.Kill()
		_ = cmd.Wait()
		cancel()
		sent := agent.Path("deliverables", fmt.Sprint("sent", i))
		if _, err := os.Lstat(sent); err == nil {
			whole++
			for _, name := range []string{"one", "two"} {
				if info, err := os.Stat(filepath.Join(sent, name)); err != nil || info.Size() != size {
					t.Errorf("after %v %s is half there: %v, %v", at, name, info, err)
				}
			}
		}
		agent.Must("start")
		if left, err := os.ReadDir(agent.Path(".botsync", "send")); err == nil && len(left) > 0 {
			t.Errorf("after %v there is left: %v", at, left)
		}
	}
	t.Logf("%d of %d were whole", whole, kills)
	agent.Must("send", source, "--name", "last", "--peer", laptop.Name)
	same(t, filepath.Join(source, "two"), laptop.Path("deliverables", "last", "two"))
	agent.Must("wait", "--synced", "--peer", laptop.Name)
	awaitSame(t, agent, laptop)
}

// A command that is killed leaves nothing waiting behind, and a send that is
// interrupted leaves nothing half made.
func TestInterruptedSend(t *testing.T) {
	t.Parallel()
	n := botsynctest.New(t, "agent")
	n.Init()
	source := n.Path("large")
	f, err := os.Create(source)
	must(t, err, f.Truncate(8<<30), f.Close())
	ctx, cancel := context.WithTimeout(t.Context(), botsynctest.Patience)
	defer cancel()
	cmd := n.Command(ctx, "send", source)
	must(t, cmd.Start())
	stage := n.Path(".botsync", "send")
	botsynctest.Await(t, "the copy begins", func() bool {
		left, err := filepath.Glob(filepath.Join(stage, "*", "file"))
		return err == nil && len(left) == 1
	})
	must(t, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait()
	botsynctest.Await(t, "the copy is removed", func() bool {
		left, err := os.ReadDir(stage)
		return err == nil && len(left) == 0
	})
	if _, err := os.Lstat(n.Path("deliverables", "large")); err == nil {
		t.Error("it is in place")
	}
}
