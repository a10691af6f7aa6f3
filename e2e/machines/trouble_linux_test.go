package machines

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// In the guest's own network another machine has the address of the host, and
// answers at every port: with rubbish, never, or as somebody else.
func TestStrangerAtTheHostsAddress(t *testing.T) {
	t.Parallel()
	net := newInternet(t)
	a, b := net.homeAt("a", "192.168.1.2"), net.homeAt("b", "192.168.1.3")
	stranger := b.member("stranger", "192.168.1.2")
	met := stranger.beStrange()
	agent, laptop := a.node("agent"), b.node("laptop")
	line := joinOn(laptop, initOn(agent, net.flags()...).Code, "--discovery-server", net.discovery)
	if took := line.Timing.MeetMS + line.Timing.PairMS; took > 10_000 {
		t.Errorf("they were paired after %v ms", took)
	}
	mustHaveEachOther(t, agent, laptop)
	awaitVia(api.ViaRelay, agent, laptop)
	exchange(t, agent, laptop, "first")
	if met.Load() == 0 {
		t.Error("the laptop has not met the stranger")
	}
	t.Logf("the laptop called the stranger %d times", met.Load())
}

// beStrange answers TCP at all ports, in a different way each time, and counts the
// calls.
func (m *machine) beStrange() *atomic.Int64 {
	m.t.Helper()
	m.nft(`table ip strange {
	chain everything {
		type nat hook prerouting priority dstnat;
		tcp dport 1-65535 redirect to :9
	}
}
`)
	other := httptest.NewTLSServer(nil)
	other.Close() // its certificate is wanted, nothing else
	somebody := &tls.Config{Certificates: other.TLS.Certificates, NextProtos: []string{"bep/1.0"}}
	ln := m.listen(":9")
	calls := new(atomic.Int64)
	var talks sync.WaitGroup
	ended, end := context.WithCancel(context.Background())
	talks.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n := calls.Add(1)
			talks.Go(func() {
				defer c.Close()
				switch n % 3 {
				case 1:
					_, _ = c.Write(bytes.Repeat([]byte{0x16, 0x03, 0x03, 0x3f}, 4096))
				case 2:
					_ = tls.Server(c, somebody).HandshakeContext(ended)
				}
				<-ended.Done()
			})
		}
	})
	m.t.Cleanup(func() {
		end()
		ln.Close()
		talks.Wait()
	})
	return calls
}

// The relay over which two are connected dies. They go on over another.
func TestRelayDies(t *testing.T) {
	t.Parallel()
	net := newInternet(t)
	agent, laptop := net.home("a").node("agent"), net.home("b").node("laptop")
	kill := map[string]func(){}
	flags := []string{"--discovery-server", net.discovery}
	for port := syncRelayPort + 1; port <= syncRelayPort+2; port++ {
		relay, killIt := net.startRelay(port)
		kill[fmt.Sprintf("%s:%d", net.address(1), port)] = killIt
		flags = append(flags, "--syncthing-relay", relay)
	}
	joinOn(laptop, initOn(agent, flags...).Code, "--discovery-server", net.discovery)
	mustHaveEachOther(t, agent, laptop)
	awaitVia(api.ViaRelay, agent, laptop)
	exchange(t, agent, laptop, "first")

	used := laptop.Status().Peers[0].Address
	if kill[used] == nil {
		t.Fatalf("they are connected over %s, which is no relay", used)
	}
	kill[used]()
	for _, n := range []node{agent, laptop} {
		n.AwaitStatus("the relay is missed", func(s api.Status) bool { return len(s.Peers) == 1 && s.Peers[0].Address != used })
	}
	agent.Write("shared/while away", "x")
	start := time.Now()
	laptop.AwaitFile("shared/while away", "x")
	t.Logf("a file arrived %v after the relay was missed", time.Since(start).Round(time.Millisecond))
	mustHaveEachOther(t, agent, laptop)
	exchange(t, agent, laptop, "second")
}

// A host that waits loses its network, and gets another address with it back. The
// old code is good as soon as the host is known to be there.
func TestHostMovesWhileItWaits(t *testing.T) {
	t.Parallel()
	net := newInternet(t)
	server := net.server("server")
	agent, laptop := server.node("agent"), net.home("home").node("laptop")
	invite := initOn(agent, net.flags()...)
	server.sh("ip link set eth0 down")
	moved := net.address(100)
	net.renumber(server, "eth0", moved)

	start := time.Now()
	for {
		r := laptop.Run("join", "--json", "--name", "laptop", invite.Code, "--discovery-server", net.discovery)
		if r.Exit == 0 {
			break
		}
		if time.Since(start) > botsynctest.Patience || r.Exit != api.ExitCodeUnknown && !r.Error(t).Retryable {
			t.Fatalf("join: exit %d after %v\n%s", r.Exit, time.Since(start), r.Stderr)
		}
	}
	t.Logf("joined %v after the network was back", time.Since(start).Round(time.Millisecond))
	mustHaveEachOther(t, agent, laptop)
	awaitVia(api.ViaDirect, agent, laptop)
	if s := laptop.Status(); !strings.HasPrefix(s.Peers[0].Address, moved+":") {
		t.Errorf("the laptop has %+v, want a connection to %s", s.Peers, moved)
	}
	exchange(t, agent, laptop, "first")
}
