package machines

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// namespacePrefix begins the name of every network namespace of these tests; the
// process that made it and a number follow.
const namespacePrefix = "bsmach"

// The first thread is that of TestMain alone: unlike others it would stay on a
// machine that a goroutine entered on it, and be taken for a process of it.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	sweep()
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("6") // most of these tests wait most of the time
	}
	code := m.Run()
	if builtSyncthing != "" {
		os.RemoveAll(builtSyncthing)
	}
	os.Exit(code)
}

// sweep removes what a test process that was killed has left.
func sweep() {
	out, _ := exec.Command("ip", "netns", "list").Output()
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest, ours := strings.CutPrefix(name, namespacePrefix+"-")
		if !ours {
			continue
		}
		maker, _, _ := strings.Cut(rest, "-")
		if pid, err := strconv.Atoi(maker); err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
			removeNamespace(name)
		}
	}
}

// removeNamespace ends what still runs in a namespace and removes it.
func removeNamespace(name string) {
	pids, _ := exec.Command("ip", "netns", "pids", name).Output()
	for _, field := range strings.Fields(string(pids)) {
		if pid, err := strconv.Atoi(field); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	_ = exec.Command("ip", "netns", "del", name).Run()
}

// need skips the test where it cannot run, or fails it if nothing may be skipped.
func need(t *testing.T, tools ...string) {
	t.Helper()
	missing := ""
	if os.Geteuid() != 0 {
		missing = "root, for network namespaces"
	}
	for _, tool := range append(tools, "ip") {
		if _, err := exec.LookPath(tool); err != nil {
			missing = "the program " + tool
		}
	}
	if missing != "" {
		needs.Skip(t, "this test needs %s", missing)
	}
}

// A machine is a network namespace.
type machine struct {
	t    *testing.T
	name string // what it is in its test
	ns   string
}

var machines atomic.Int64

// newMachine makes a machine on which only the loopback interface is up.
func newMachine(t *testing.T, name string) *machine {
	t.Helper()
	need(t)
	m := &machine{t: t, name: name, ns: fmt.Sprintf("%s-%d-%d", namespacePrefix, os.Getpid(), machines.Add(1))}
	run(t, "ip", "netns", "add", m.ns)
	t.Cleanup(func() { removeNamespace(m.ns) })
	// Addresses are usable at once, without a look for others that have them.
	m.sh(`for i in all default; do echo 0 >/proc/sys/net/ipv6/conf/$i/accept_dad; done; ip link set lo up`)
	return m
}

// sh runs a shell script on the machine.
func (m *machine) sh(format string, args ...any) {
	m.t.Helper()
	run(m.t, "ip", "netns", "exec", m.ns, "sh", "-ec", fmt.Sprintf(format, args...))
}

// node is a botsync instance on the machine.
func (m *machine) node(name string) *botsynctest.Node {
	m.t.Helper()
	n := botsynctest.New(m.t, name)
	n.Wrap = []string{"ip", "netns", "exec", m.ns}
	return n
}

// try runs f on the machine. Sockets that it opens stay on it.
func (m *machine) try(f func() error) error {
	failed := make(chan error)
	go func() {
		// Without an unlock the thread ends with this goroutine: it is on the
		// wrong machine for anybody else.
		runtime.LockOSThread()
		ns, err := os.Open("/var/run/netns/" + m.ns)
		if err == nil {
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
			ns.Close()
		}
		if err == nil {
			err = f()
		}
		failed <- err
	}()
	return <-failed
}

// enter is try for what has to work.
func (m *machine) enter(f func() error) {
	m.t.Helper()
	if err := m.try(f); err != nil {
		m.t.Fatalf("on %s: %v", m.name, err)
	}
}

// listen listens for TCP on the machine, until the test ends.
func (m *machine) listen(address string) net.Listener {
	m.t.Helper()
	var ln net.Listener
	m.enter(func() (err error) {
		ln, err = net.Listen("tcp", address)
		return err
	})
	m.t.Cleanup(func() { ln.Close() })
	return ln
}

func run(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}
