package meeting_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/needs"
)

// The tests of this file run themselves again inside network namespaces that they make, as root; the two
// sides of a meeting are then processes that share nothing but the network.

// TestMain lets the test binary play host or guest, when told so.
func TestMain(m *testing.M) {
	switch os.Getenv("MEETING_TEST_ROLE") {
	case "host":
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		meeting.Host(ctx, namespaceWays(), placeOf("code"), meeting.HostOptions{Report: func(s meeting.State) {
			fmt.Printf("%+v\n", s)
		}}, serveGreeting)
		os.Exit(0)
	case "guest":
		start := time.Now()
		conn, way, err := dial(context.Background(), "code", 0, namespaceWays()...)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		took := time.Since(start).Round(time.Microsecond)
		if err := echo(conn, "hello"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("met by", way, "at", conn.RemoteAddr(), "in", took)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func namespaceWays() []meeting.Way { return []meeting.Way{meeting.NewLAN(meeting.LANConfig{})} }

// A namespace is a network of its own.
type namespace struct{ name string }

func newNamespace(t *testing.T, suffix string) namespace {
	t.Helper()
	ns := namespace{fmt.Sprintf("botsync-meeting-%d-%s", os.Getpid(), suffix)}
	run(t, "ip", "netns", "add", ns.name)
	t.Cleanup(func() { run(t, "ip", "netns", "del", ns.name) })
	return ns
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (ns namespace) ip(t *testing.T, args ...string) {
	t.Helper()
	run(t, append([]string{"ip", "-n", ns.name}, args...)...)
}

func (ns namespace) command(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns.name, exe)
	cmd.Env = append(os.Environ(), "MEETING_TEST_ROLE="+role)
	return cmd
}

// host runs a host in the namespace until the test ends, and returns when it is open.
func (ns namespace) host(t *testing.T) {
	t.Helper()
	cmd := ns.command(t, "host")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	// It prints when it is open.
	buf := make([]byte, 1000)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatalf("the host does not start: %v", err)
	}
	t.Logf("host: %s", bytes.TrimSpace(buf[:n]))
}

// guest runs a guest in the namespace, and returns what it has to say.
func (ns namespace) guest(t *testing.T) string {
	t.Helper()
	out, err := ns.command(t, "guest").Output()
	if err != nil {
		t.Fatalf("guest: %v: %s", err, out)
	}
	t.Logf("guest: %s", bytes.TrimSpace(out))
	return string(out)
}

// On a machine without any network, whose loopback interface cannot even do multicast.
func TestLANOnLoopbackOnly(t *testing.T) {
	needs.Linux(t)
	needs.Root(t)
	needs.Tool(t, "ip")
	ns := newNamespace(t, "lo")
	ns.ip(t, "link", "set", "lo", "up")
	ns.host(t)
	for range 3 {
		ns.guest(t)
	}
}

// Two machines with a cable between them.
func TestLANBetweenMachines(t *testing.T) {
	needs.Linux(t)
	needs.Root(t)
	needs.Tool(t, "ip")
	for _, tt := range []struct {
		name   string
		setup  func(t *testing.T, a, b namespace)
		remote string
		nft    bool
	}{
		{"IPv4 and IPv6", addresses("10.77.0.1/24", "10.77.0.2/24"), "", false},
		{"IPv4 without IPv6", func(t *testing.T, a, b namespace) {
			for _, ns := range []namespace{a, b} {
				run(t, "ip", "netns", "exec", ns.name, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth/disable_ipv6")
			}
			addresses("10.77.0.1/24", "10.77.0.2/24")(t, a, b)
		}, "10.77.0.1:", false},
		{"IPv6 link-local only", func(*testing.T, namespace, namespace) {}, "[fe80::", false},
		{"broadcast only", func(t *testing.T, a, b namespace) {
			addresses("10.77.0.1/24", "10.77.0.2/24")(t, a, b)
			for _, ns := range []namespace{a, b} {
				ns.ip(t, "link", "set", "eth", "multicast", "off")
				run(t, "ip", "netns", "exec", ns.name, "nft", "add table inet f; add chain inet f out { type filter hook output priority 0; }; "+
					"add rule inet f out ip daddr 224.0.0.0/4 udp dport 21128 drop; add rule inet f out ip6 daddr ff00::/8 udp dport 21128 drop")
			}
		}, "10.77.0.1:", true},
		{"answers blocked, announcements not", func(t *testing.T, a, b namespace) {
			addresses("10.77.0.1/24", "10.77.0.2/24")(t, a, b)
			run(t, "ip", "netns", "exec", b.name, "nft", "add table inet f; add chain inet f in { type filter hook input priority 0; }; "+
				"add rule inet f in udp dport != 21128 udp sport 21128 drop")
		}, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.nft {
				needs.Tool(t, "nft")
			}
			a, b := newNamespace(t, "a"), newNamespace(t, "b")
			a.ip(t, "link", "add", "eth", "type", "veth", "peer", "name", "eth", "netns", b.name)
			for _, ns := range []namespace{a, b} {
				// Addresses are checked for duplicates for a second or two otherwise.
				run(t, "ip", "netns", "exec", ns.name, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth/accept_dad")
				ns.ip(t, "link", "set", "lo", "up")
				ns.ip(t, "link", "set", "eth", "up")
			}
			tt.setup(t, a, b)
			a.host(t)
			for range 3 {
				if out := b.guest(t); !strings.Contains(out, tt.remote) {
					t.Errorf("%q does not say %q", out, tt.remote)
				}
			}
		})
	}
}

func addresses(a, b string) func(*testing.T, namespace, namespace) {
	return func(t *testing.T, nsA, nsB namespace) {
		nsA.ip(t, "addr", "add", a, "dev", "eth")
		nsB.ip(t, "addr", "add", b, "dev", "eth")
	}
}

// A machine that gets its network only while it waits.
func TestLANNetworkThatComesWhileWaiting(t *testing.T) {
	needs.Linux(t)
	needs.Root(t)
	needs.Tool(t, "ip")
	a, b := newNamespace(t, "a"), newNamespace(t, "b")
	a.host(t) // not even loopback is up
	a.ip(t, "link", "add", "eth", "type", "veth", "peer", "name", "eth", "netns", b.name)
	for _, ns := range []namespace{a, b} {
		ns.ip(t, "link", "set", "lo", "up")
		ns.ip(t, "link", "set", "eth", "up")
	}
	addresses("10.77.0.1/24", "10.77.0.2/24")(t, a, b)
	b.guest(t)
}
