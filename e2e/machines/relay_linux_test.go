package machines

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/root"
)

// relayPort is where the relays of these tests listen.
const relayPort = ":8080"

// A relayProcess is "botsync relay" on a machine.
type relayProcess struct {
	cmd *exec.Cmd
}

// startRelay runs a relay on the machine and returns when it listens. It ends
// with the test.
func (m *machine) startRelay(args ...string) *relayProcess {
	m.t.Helper()
	n := botsynctest.New(m.t, "relay")
	n.Wrap = []string{"ip", "netns", "exec", m.ns}
	p := &relayProcess{cmd: n.Command(context.Background(), append([]string{"relay", "--json", "--quiet", "--listen", relayPort}, args...)...)}
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(p.kill)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.Contains(line, "listening") {
		m.t.Fatalf("the relay said %q: %v", line, err)
	}
	return p
}

// kill ends the relay at once. A second call does nothing.
func (p *relayProcess) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// pid is the process of the relay.
func (p *relayProcess) pid() int { return p.cmd.Process.Pid }

// offline are the flags of a node that may use a pairing relay and would use the
// internet for nothing else.
var offline = []string{"--discovery-server", "none", "--syncthing-relay", "none"}

// initBy makes the root of a node and an invite that can be redeemed by a relay.
func initBy(n node, relay string) api.InviteLine {
	n.TB.Helper()
	r := n.Must(append([]string{"init", "--json", "--no-wait", "--name", n.Name, "--relay", relay}, offline...)...)
	return decode[api.InviteLine](n.TB, r.Stdout)
}

// joinBy is a join that tries a relay as well, if one is given.
func joinBy(n node, code, relay string, args ...string) botsynctest.Result {
	n.TB.Helper()
	return n.Run(joinArgs(n, code, relay, args...)...)
}

func joinArgs(n node, code, relay string, args ...string) []string {
	args = append([]string{"join", "--json", "--name", n.Name, code}, append(args, offline...)...)
	if relay != "" {
		args = append(args, "--relay", relay)
	}
	return args
}

func decode[T any](t testing.TB, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return v
}

// blockMeetings makes a machine drop what the lan way and Syncthing's local
// discovery send to find others: multicast, broadcast, and their ports.
func (m *machine) blockMeetings() {
	m.t.Helper()
	need(m.t, "nft")
	rules := m.node("nft").Root + ".nft"
	if err := os.WriteFile(rules, []byte(`table inet block {
	chain in {
		type filter hook input priority 0;
		iifname "lo" accept
		meta pkttype { multicast, broadcast } meta l4proto udp counter drop
		udp dport { 21027, 21128, 21129 } counter drop
	}
	chain out {
		type filter hook output priority 0;
		oifname "lo" accept
		ip daddr { 224.0.0.0/4, 255.255.255.255, 10.7.0.255 } counter drop
		ip6 daddr ff00::/8 meta l4proto udp counter drop
		udp dport { 21027, 21128, 21129 } counter drop
	}
}
`), 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.sh("nft -f %s", rules)
}

// With multicast and broadcast blocked, two machines on one switch find each
// other by a relay, named in each of the three ways.
func TestRelayWhereMulticastIsBlocked(t *testing.T) {
	t.Parallel()
	for _, named := range []string{"flag", "environment", "config"} {
		t.Run(named, func(t *testing.T) {
			t.Parallel()
			list := lan(t, "a", "b", "relay")
			list[0].blockMeetings()
			list[1].blockMeetings()
			list[2].startRelay()
			agent, laptop := list[0].node("agent"), list[1].node("laptop")
			const url = "http://10.7.0.3:8080"
			invite := initBy(agent, url)
			if invite.Relay != url || !strings.Contains(invite.Command, url) {
				t.Errorf("the invite names relay %q and command %q", invite.Relay, invite.Command)
			}
			joined := func() botsynctest.Result {
				switch named {
				case "flag":
					return joinBy(laptop, invite.Code, url)
				case "environment":
					laptop.Env = []string{"BOTSYNC_RELAY=" + url}
					return joinBy(laptop, invite.Code, "")
				}
				if _, _, err := root.Create(laptop.Root, root.Config{Name: "laptop", Relay: url,
					DiscoveryServers: []string{"none"}, SyncthingRelays: []string{"none"}}); err != nil {
					t.Fatal(err)
				}
				return laptop.Run("join", "--json", invite.Code)
			}()
			if joined.Exit != 0 {
				t.Fatalf("join: exit %d\n%s", joined.Exit, joined.Stderr)
			}
			line := decode[api.JoinedLine](t, joined.Stdout)
			t.Logf("join took %v: %+v", joined.Took, *line.Timing)
			if line.Timing.Way != "relay" {
				t.Errorf("they met by %s, so multicast was not blocked", line.Timing.Way)
			}
			mustHaveEachOther(t, agent, laptop)
			exchange(t, agent, laptop, "first")
		})
	}
}

// Two networks with a router between them: the devices connect by the addresses
// that they exchanged.
func TestRelayAcrossARouter(t *testing.T) {
	t.Parallel()
	router, list := routed(t, "a", "b")
	router.startRelay()
	agent, laptop := list[0].node("agent"), list[1].node("laptop")
	invite := initBy(agent, "http://10.7.1.1:8080")
	joined := joinBy(laptop, invite.Code, "http://10.7.2.1:8080")
	if joined.Exit != 0 {
		t.Fatalf("join: exit %d\n%s", joined.Exit, joined.Stderr)
	}
	t.Logf("join took %v: %+v", joined.Took, *decode[api.JoinedLine](t, joined.Stdout).Timing)
	mustHaveEachOther(t, agent, laptop)
	exchange(t, agent, laptop, "first")
	if p := laptop.Status().Peers[0]; p.Via != api.ViaDirect && p.Via != api.ViaLAN {
		t.Errorf("connected by %s", p.Via)
	}
}

// When nothing can be reached, the error names what was tried and why not.
func TestNothingCanBeReached(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, url, reason string
		rules             string
	}{
		{"refused", "http://10.7.0.2:8080", "refused", ""},
		{"dropped", "http://10.7.0.2:8080", "", "nft add table inet wall; nft add chain inet wall in '{ type filter hook input priority 0; }'; nft add rule inet wall in tcp dport 8080 drop"},
		{"no route", "http://192.0.2.1:8080", "unreachable", ""},
		{"no name server", "https://relay.example", "relay.example", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := cable(t, both)
			need(t, "nft")
			b.sh("true; %s", c.rules)
			laptop := a.node("laptop")
			r := joinBy(laptop, "walrus-velvet-canyon-puppet-catnip", c.url)
			t.Logf("took %v: %s", r.Took, r.Stderr)
			if r.Exit != api.ExitUnreachable {
				t.Fatalf("exit %d, want %d", r.Exit, api.ExitUnreachable)
			}
			e := r.Error(t)
			if !strings.Contains(e.Message, c.url) || !strings.Contains(e.Message, c.reason) || !e.Retryable {
				t.Errorf("the error does not name %s and %q: %+v", c.url, c.reason, e)
			}
			if r.Took > 20*time.Second {
				t.Errorf("it took %v", r.Took)
			}
			mustBeNobody(t, laptop)
		})
	}
}
