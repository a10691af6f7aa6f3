package machines

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/botsynctest"
)

// An internet is a public network, 198.51.100.0/24 where nothing else is asked
// for, with Syncthing's discovery server and relay on it, both built from the
// module that the engine is.
type internet struct {
	t         *testing.T
	prefix    string   // of its addresses, three numbers
	public    *machine // the switch, and number 1
	discovery string   // URL
	relay     string   // URL
	hosts     int
}

const (
	discoveryPort = 8443
	syncRelayPort = 22067
)

func newInternet(t *testing.T) *internet {
	t.Helper()
	return newInternetAt(t, "198.51.100")
}

func newInternetAt(t *testing.T, prefix string) *internet {
	t.Helper()
	net := &internet{t: t, prefix: prefix, public: newMachine(t, "public"), hosts: 10}
	net.public.sh("ip link add br0 type bridge; ip addr add %s/24 dev br0; ip link set br0 up", net.address(1))
	id, _ := net.public.startServer(botsynctest.TempDir(t), serverID, infrastructure(t, "stdiscosrv"),
		"--listen", fmt.Sprintf("%s:%d", net.address(1), discoveryPort))
	net.discovery = fmt.Sprintf("https://%s:%d/?id=%s", net.address(1), discoveryPort, id)
	net.relay, _ = net.startRelay(syncRelayPort)
	net.awaitServer(discoveryPort)
	return net
}

// address is that of a host of the public network.
func (net *internet) address(host int) string { return fmt.Sprintf("%s.%d", net.prefix, host) }

// startRelay starts a relay, which is killed when the test ends, if not before.
func (net *internet) startRelay(port int) (relay string, kill func()) {
	net.t.Helper()
	id, kill := net.public.startServer(botsynctest.TempDir(net.t), serverID, infrastructure(net.t, "strelaysrv"),
		"-listen", fmt.Sprintf("%s:%d", net.address(1), port), "-pools", "", "-status-srv", "", "-keys", ".")
	net.awaitServer(port)
	return fmt.Sprintf("relay://%s:%d/?id=%s", net.address(1), port, id), kill
}

func (net *internet) awaitServer(port int) {
	net.t.Helper()
	botsynctest.Await(net.t, fmt.Sprintf("a server at port %d", port), func() bool {
		return net.public.try(func() error { return dialOnce(fmt.Sprintf("%s:%d", net.address(1), port)) }) == nil
	})
}

// flags name the servers for init and join.
func (net *internet) flags() []string {
	return []string{"--discovery-server", net.discovery, "--syncthing-relay", net.relay}
}

// plug connects a network interface of a machine to the public network.
func (net *internet) plug(m *machine, name string) (address string) {
	net.t.Helper()
	net.hosts++
	address, port := net.address(net.hosts), fmt.Sprintf("port%d", net.hosts)
	run(net.t, "ip", "link", "add", name, "netns", m.ns, "type", "veth", "peer", "name", port, "netns", net.public.ns)
	net.public.sh("ip link set %s master br0 up", port)
	net.renumber(m, name, address)
	return address
}

// renumber gives a machine an address of the public network, in place of any
// that it had.
func (net *internet) renumber(m *machine, name, address string) {
	net.t.Helper()
	// Its neighbours are no local network to it, as on the internet.
	m.sh("ip -4 addr flush dev %s; ip addr add %s/32 dev %s; ip link set %s up; ip route add %s/24 dev %s src %s",
		name, address, name, name, net.address(0), name, address)
}

// server is a machine with a public address.
func (net *internet) server(name string) *machine {
	net.t.Helper()
	m := newMachine(net.t, name)
	net.plug(m, "eth0")
	return m
}

// nft loads rules.
func (m *machine) nft(rules string) {
	m.t.Helper()
	need(m.t, "nft")
	file := filepath.Join(botsynctest.TempDir(m.t), "rules")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.sh("nft -f %s", file)
}

// serverID finds the device ID in the log of one of Syncthing's servers.
const serverID = `\b([A-Z2-7]{7}(?:-[A-Z2-7]{7}){7})\b`

// startServer runs a program on the machine, in a directory, and returns what the
// pattern finds in its log. It ends with the test, or when it is killed.
func (m *machine) startServer(dir, pattern, program string, args ...string) (found string, kill func()) {
	m.t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", m.ns, program}, args...)...)
	cmd.Dir = dir
	log, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	matches := make(chan string, 1)
	var reader sync.WaitGroup
	reader.Go(func() {
		for lines := bufio.NewReader(log); ; {
			line, err := lines.ReadString('\n')
			if match := regexp.MustCompile(pattern).FindStringSubmatch(line); match != nil {
				select {
				case matches <- match[1]:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	})
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		w.Close()
		reader.Wait()
	})
	m.t.Cleanup(kill)
	select {
	case found = <-matches:
		return found, kill
	case <-time.After(botsynctest.Patience):
		m.t.Fatalf("%s did not say its ID", filepath.Base(program))
		return "", nil
	}
}

var programs struct {
	sync.Mutex
	paths map[string]string
}

// infrastructure returns where a program of Syncthing's module is, that go.mod
// names as a tool. It is built when it is first asked for.
func infrastructure(t *testing.T, name string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if path, ok := programs.paths[name]; ok {
		return path
	}
	cmd := exec.Command("go", "tool", "-n", name)
	cmd.Env = append(os.Environ(), "GOFLAGS=-tags=noassets -trimpath", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("building %s of Syncthing's module: %v", name, err)
	}
	if programs.paths == nil {
		programs.paths = map[string]string{}
	}
	programs.paths[name] = string(regexp.MustCompile(`\s+$`).ReplaceAll(out, nil))
	return programs.paths[name]
}
