// Package botsynctest runs the real binary and its daemons inside a test: each
// Node is a root of its own, perhaps in a network namespace of its own.
package botsynctest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/botsync/botsync/internal/api"
)

// Patience is how long a test waits for something that should happen at once.
// Machines that run tests are busy; a test that passes does not wait this long.
const Patience = 60 * time.Second

// poll is the interval at which something outside of this process is looked at.
const poll = 5 * time.Millisecond

// statusPoll is the interval at which a command is run to look: what is waited
// for needs the processors more.
const statusPoll = 50 * time.Millisecond

// Node is one botsync instance. It uses the local network only, unless its
// config.toml or flags say otherwise.
type Node struct {
	TB   testing.TB
	Name string
	Root string
	Env  []string // beside PATH and HOME
	// Wrap is put before each command, such as ip netns exec NAME.
	Wrap []string
}

// New returns a node whose root does not exist yet. Its daemon is stopped when
// the test ends, and its log is shown if the test failed.
func New(t testing.TB, name string) *Node {
	t.Helper()
	n := &Node{TB: t, Name: name, Root: filepath.Join(TempDir(t), "sync")}
	t.Cleanup(n.End)
	return n
}

// TempDir is t.TempDir with a path that is short enough for a Unix socket, and
// removed even if a daemon is still writing there.
func TempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	Exit           int
	Took           time.Duration
}

// Error returns the error that the command printed with --json.
func (r Result) Error(t testing.TB) *api.Error {
	t.Helper()
	for line := range strings.Lines(r.Stderr) {
		var reply api.ErrorReply
		if json.Unmarshal([]byte(line), &reply) == nil && reply.Error != nil {
			return reply.Error
		}
	}
	t.Fatalf("no JSON error on stderr:\n%s", r.Stderr)
	return nil
}

// Command makes the command without running it.
func (n *Node) Command(ctx context.Context, args ...string) *exec.Cmd {
	argv := append(append([]string(nil), n.Wrap...), Binary(n.TB))
	argv = append(append(argv, "--root", n.Root), args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(n.Root)}, n.Env...)
	return cmd
}

// Run runs a command to its end, without a terminal and with the given input.
func (n *Node) RunInput(input io.Reader, args ...string) Result {
	n.TB.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*Patience)
	defer cancel()
	cmd := n.Command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	if ctx.Err() != nil {
		n.TB.Fatalf("%s: botsync %s did not end\n%s%s", n.Name, strings.Join(args, " "), &stdout, &stderr)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		n.TB.Fatalf("%s: botsync %s: %v", n.Name, strings.Join(args, " "), err)
	}
	return Result{Stdout: stdout.String(), Stderr: stderr.String(), Exit: cmd.ProcessState.ExitCode(), Took: time.Since(start)}
}

// Run runs a command to its end, without a terminal.
func (n *Node) Run(args ...string) Result {
	n.TB.Helper()
	return n.RunInput(nil, args...)
}

// Must is Run for a command that has to succeed.
func (n *Node) Must(args ...string) Result {
	n.TB.Helper()
	r := n.Run(args...)
	if r.Exit != 0 {
		n.TB.Fatalf("%s: botsync %s: exit %d\n%s%s", n.Name, strings.Join(args, " "), r.Exit, r.Stdout, r.Stderr)
	}
	return r
}

// Init makes the root, starts the daemon and opens an invite.
func (n *Node) Init(args ...string) api.InviteLine {
	n.TB.Helper()
	return n.invite(append([]string{"init", "--json", "--no-wait", "--lan-only", "--name", n.Name}, args...))
}

// Invite opens another invite.
func (n *Node) Invite(args ...string) api.InviteLine {
	n.TB.Helper()
	return n.invite(append([]string{"invite", "--json", "--no-wait"}, args...))
}

func (n *Node) invite(args []string) api.InviteLine {
	n.TB.Helper()
	var line api.InviteLine
	n.decode(n.Must(args...).Stdout, &line)
	return line
}

// Join joins the network of the device that gave the code.
func (n *Node) Join(code string, args ...string) api.JoinedLine {
	n.TB.Helper()
	var line api.JoinedLine
	n.decode(n.Must(append([]string{"join", "--json", "--lan-only", "--name", n.Name, code}, args...)...).Stdout, &line)
	return line
}

func (n *Node) decode(out string, into any) {
	n.TB.Helper()
	if err := json.Unmarshal([]byte(out), into); err != nil {
		n.TB.Fatalf("%s: %v in %q", n.Name, err, out)
	}
}

// Status is what "status --json" says; the exit code does not matter.
func (n *Node) Status() api.Status {
	n.TB.Helper()
	var s api.Status
	n.decode(n.Run("status", "--json").Stdout, &s)
	return s
}

// AwaitStatus waits until the status is as wanted, as long as files arrive.
func (n *Node) AwaitStatus(what string, wanted func(api.Status) bool) api.Status {
	n.TB.Helper()
	var s api.Status
	done := false
	defer func() {
		if !done {
			n.TB.Logf("the last status of %s: %+v", n.Name, s)
		}
	}()
	AwaitProgress(n.TB, n.Name+": "+what, func() (string, bool) {
		s = n.Status()
		if wanted(s) {
			return "", true
		}
		time.Sleep(statusPoll)
		var counts []int
		for _, f := range s.Folders {
			counts = append(counts, f.Files, f.NeedFiles)
		}
		return fmt.Sprint(counts), false
	})
	done = true
	return s
}

// AwaitPeers waits until n peers are connected and lack nothing.
func (n *Node) AwaitPeers(count int) {
	n.TB.Helper()
	n.AwaitStatus("peers in sync", func(s api.Status) bool {
		for _, p := range s.Peers {
			if !p.Connected || p.NeedFiles > 0 {
				return false
			}
		}
		for _, f := range s.Folders {
			if f.State != api.FolderIdle || f.NeedFiles > 0 {
				return false
			}
		}
		return len(s.Peers) == count
	})
}

// Await waits until the condition holds, for Patience.
func Await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	AwaitFor(t, Patience, what, holds)
}

// AwaitFor is Await for what may take longer.
func AwaitFor(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	if !Within(limit, holds) {
		t.Fatalf("waited in vain for: %s", what)
	}
}

// AwaitProgress is Await for what takes the longer the more others are at work: the
// condition also says how far it is, and Patience begins anew whenever that has
// changed, five times at most.
func AwaitProgress(t testing.TB, what string, holds func() (progress string, ok bool)) {
	t.Helper()
	last, since, begun := "", time.Now(), time.Now()
	for {
		progress, ok := holds()
		if ok {
			return
		}
		now := time.Now()
		if progress != last {
			last, since = progress, now
		}
		if now.Sub(since) > Patience || now.Sub(begun) > 5*Patience {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(poll)
	}
}

// Within asks again and again whether something holds, until it does or limit is
// over. It is for what other processes do, of which nobody is told.
func Within(limit time.Duration, holds func() bool) bool {
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(poll) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// Path is a path below the root.
func (n *Node) Path(elem ...string) string {
	return filepath.Join(append([]string{n.Root}, elem...)...)
}

// Write writes a file below the root.
func (n *Node) Write(name, content string) {
	n.TB.Helper()
	path := n.Path(filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		n.TB.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		n.TB.Fatal(err)
	}
}

// AwaitFile waits until a file has the given content.
func (n *Node) AwaitFile(name, content string) {
	n.TB.Helper()
	Await(n.TB, n.Name+" has "+name, func() bool {
		got, err := os.ReadFile(n.Path(filepath.FromSlash(name)))
		return err == nil && string(got) == content
	})
}

// PID is the process of the daemon, 0 if none ever ran.
func (n *Node) PID() int {
	data, err := os.ReadFile(n.Path(".botsync", "daemon.lock"))
	if err != nil {
		return 0
	}
	var info struct{ PID int }
	// The byte before the object is the one that is locked.
	_ = json.Unmarshal(bytes.Trim(data, "\x00 \n"), &info)
	return info.PID
}

// Kill ends the daemon as a power cut would, and waits until it is gone.
func (n *Node) Kill() {
	n.TB.Helper()
	if !n.Held() {
		n.TB.Fatalf("%s: no daemon is running", n.Name)
	}
	p, err := os.FindProcess(n.PID())
	if err != nil {
		n.TB.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		n.TB.Fatal(err)
	}
	Await(n.TB, n.Name+"'s daemon is gone", func() bool { return !n.Held() })
}

// End stops the daemon, by force if need be, and shows its log if the test
// failed. A node of [New] does so by itself when its test ends.
func (n *Node) End() {
	if n.Held() && n.Run("stop", "--quiet").Exit != 0 && n.Held() {
		if p, err := os.FindProcess(n.PID()); err == nil {
			_ = p.Kill()
		}
		Await(n.TB, n.Name+"'s daemon is gone", func() bool { return !n.Held() })
	}
	if n.TB.Failed() {
		for _, name := range []string{"daemon.log", "stderr.log"} {
			if log, err := os.ReadFile(n.Path(".botsync", "logs", name)); err == nil && len(log) > 0 {
				n.TB.Logf("%s of %s:\n%s", name, n.Name, log)
			}
		}
	}
}

// Held reports whether the daemon's lock is held, even if nothing else of the
// root can be used. The number in it is that of a daemon only then.
func (n *Node) Held() bool {
	lock := flock.New(n.Path(".botsync", "daemon.lock"), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	_ = lock.Close()
	return err == nil && !free
}
