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

// An internet is a public network, 198.51.100.0/24, with Syncthing's discovery
// server and relay on it, both built from the module that the engine is.
type internet struct {
	t         *testing.T
	public    *machine // the switch, and 198.51.100.1
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
	public := newMachine(t, "public")
	public.sh("ip link add br0 type bridge; ip addr add 198.51.100.1/24 dev br0; ip link set br0 up")
	net := &internet{t: t, public: public, hosts: 10}
	net.discovery, net.relay = public.startServers("198.51.100.1")
	return net
}

// flags name the servers for init and join.
func (net *internet) flags() []string {
	return []string{"--discovery-server", net.discovery, "--syncthing-relay", net.relay}
}

// plug connects a network interface of a machine to the public network.
func (net *internet) plug(m *machine, name string) (address string) {
	net.t.Helper()
	net.hosts++
	address, port := fmt.Sprintf("198.51.100.%d", net.hosts), fmt.Sprintf("port%d", net.hosts)
	run(net.t, "ip", "link", "add", name, "netns", m.ns, "type", "veth", "peer", "name", port, "netns", net.public.ns)
	net.public.sh("ip link set %s master br0 up", port)
	// Its neighbours are no local network to it, as on the internet.
	m.sh("ip addr add %s/32 dev %s; ip link set %s up; ip route add 198.51.100.0/24 dev %s src %s", address, name, name, name, address)
	return address
}

// server is a machine with a public address.
func (net *internet) server(name string) *machine {
	net.t.Helper()
	m := newMachine(net.t, name)
	net.plug(m, "eth0")
	return m
}

// A home is one machine behind a router that translates addresses, as most do,
// and lets nothing in that was not asked for. All homes have the same addresses.
type home struct {
	*machine
	router *machine
	public string // address of the router
}

const homeAddress = "192.168.1.2"

// home makes a home. Its router gives each connection a port of its own choice,
// so that nobody can dial through from both sides at once.
func (net *internet) home(name string) *home {
	net.t.Helper()
	need(net.t, "nft")
	h := &home{machine: newMachine(net.t, name), router: newMachine(net.t, "router of "+name)}
	h.public = net.plug(h.router, "wan")
	run(net.t, "ip", "link", "add", "eth0", "netns", h.ns, "type", "veth", "peer", "name", "home", "netns", h.router.ns)
	h.router.sh("echo 1 >/proc/sys/net/ipv4/ip_forward; ip addr add 192.168.1.1/24 dev home; ip link set home up")
	h.sh("ip addr add %s/24 brd + dev eth0; ip link set eth0 up; ip route add default via 192.168.1.1", homeAddress)
	h.router.nft(`table ip router {
	chain translate {
		type nat hook postrouting priority srcnat;
		oifname "wan" masquerade fully-random
	}
	chain opened {
		type nat hook prerouting priority dstnat;
	}
	chain pass {
		type filter hook forward priority filter; policy drop;
		iifname "home" oifname "wan" accept
		ct state established,related accept
		ct status dnat accept
	}
	chain receive {
		type filter hook input priority filter;
		iifname "wan" drop
	}
}
`)
	return h
}

// open lets connections to a port of the router in to the machine behind it.
func (h *home) open(port string) {
	h.t.Helper()
	h.router.sh("nft add rule ip router opened iifname wan tcp dport %s dnat to %s", port, homeAddress)
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

// startServers runs Syncthing's discovery server and relay on the machine until
// the test ends, and returns their URLs when both listen.
func (m *machine) startServers(ip string) (discovery, relay string) {
	m.t.Helper()
	const id = `\b([A-Z2-7]{7}(?:-[A-Z2-7]{7}){7})\b`
	d := m.startServer(id, infrastructure(m.t, "stdiscosrv"), "--listen", fmt.Sprintf("%s:%d", ip, discoveryPort))
	r := m.startServer(id, infrastructure(m.t, "strelaysrv"),
		"-listen", fmt.Sprintf("%s:%d", ip, syncRelayPort), "-pools", "", "-status-srv", "", "-keys", ".")
	for _, port := range []int{discoveryPort, syncRelayPort} {
		botsynctest.Await(m.t, fmt.Sprintf("a server at port %d", port), func() bool {
			return m.try(func() error { return dialOnce(fmt.Sprintf("%s:%d", ip, port)) }) == nil
		})
	}
	return fmt.Sprintf("https://%s:%d/?id=%s", ip, discoveryPort, d), fmt.Sprintf("relay://%s:%d/?id=%s", ip, syncRelayPort, r)
}

// startServer runs a program on the machine and returns what the pattern finds in
// its log.
func (m *machine) startServer(pattern, program string, args ...string) string {
	m.t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", m.ns, program}, args...)...)
	cmd.Dir = botsynctest.TempDir(m.t)
	log, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	found := make(chan string, 1)
	var reader sync.WaitGroup
	reader.Go(func() {
		for lines := bufio.NewReader(log); ; {
			line, err := lines.ReadString('\n')
			if match := regexp.MustCompile(pattern).FindStringSubmatch(line); match != nil {
				select {
				case found <- match[1]:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	})
	m.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		w.Close()
		reader.Wait()
	})
	select {
	case text := <-found:
		return text
	case <-time.After(botsynctest.Patience):
		m.t.Fatalf("%s did not say its ID", filepath.Base(program))
		return ""
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
