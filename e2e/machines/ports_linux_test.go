package machines

import (
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/botsynctest"
)

// Roots of several networks and a stock Syncthing with its default ports share a
// machine, and nobody notices, whoever came first.
func TestBesideStockSyncthing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		program func(*testing.T) string
		first   bool
	}{
		"before botsync": {currentSyncthing, true},
		"after botsync":  {installedSyncthing, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := test.program(t)
			need(t, "ss")
			here, there := cable(t, both)
			red, blue := here.node("red"), here.node("blue")
			redPeer, bluePeer := there.node("red peer"), there.node("blue peer")
			var s *stock
			if test.first {
				s = here.stockSyncthing("stock", program)
				s.awaitListening()
			}
			redCode, blueCode := red.Init().Code, blue.Init().Code
			if !test.first {
				s = here.stockSyncthing("stock", program)
				s.awaitListening()
			}
			for _, port := range []string{":22000", "0.0.0.0:21027", ":8384"} {
				for _, l := range here.listeners() {
					if strings.HasSuffix(l.address, port) && l.program != "syncthing" {
						t.Errorf("%s listens at %s", l.program, l.address)
					}
				}
			}
			redPeer.Join(redCode)
			bluePeer.Join(blueCode)
			mustHaveEachOther(t, red, redPeer)
			mustHaveEachOther(t, blue, bluePeer)
			exchange(t, red, redPeer, "red")
			exchange(t, blue, bluePeer, "blue")
			noneOf(t, []node{red, redPeer}, "blue*")
			noneOf(t, []node{blue, bluePeer}, "red*")
			if red.Status().Network.ID == blue.Status().Network.ID {
				t.Error("it is one network")
			}
			for _, n := range []node{red, blue} {
				if problems := n.Status().Problems; len(problems) > 0 {
					t.Errorf("%s has problems: %+v", n.Name, problems)
				}
			}
			s.awaitListening() // still

			// All of them start again, in another order.
			for _, n := range []node{red, blue} {
				n.Must("stop")
			}
			blue.Must("start")
			red.Must("start")
			mustHaveEachOther(t, red, redPeer)
			mustHaveEachOther(t, blue, bluePeer)
			s.awaitListening()
		})
	}
}

// awaitListening waits until all of its listeners and its local discovery are
// up: that one which fails is tried again does not count.
func (s *stock) awaitListening() {
	s.t.Helper()
	type state struct{ Error *string }
	var status struct {
		Listeners map[string]state `json:"connectionServiceStatus"`
		Discovery map[string]state `json:"discoveryStatus"`
	}
	botsynctest.Await(s.t, s.name+" listens", func() bool {
		s.call(http.MethodGet, "system/status", nil, &status)
		up := 0
		for what, state := range status.Listeners {
			if !strings.Contains(what, "relay") && state.Error == nil {
				up++
			}
		}
		for what, state := range status.Discovery {
			if strings.HasSuffix(what, " local") && state.Error == nil {
				up++
			}
		}
		return up == 4 // TCP and QUIC, IPv4 and IPv6
	})
	listens := func(address string) func(listener) bool {
		return func(l listener) bool { return strings.HasSuffix(l.address, address) && l.program == "syncthing" }
	}
	for _, address := range []string{":22000", "0.0.0.0:21027"} {
		if !slices.ContainsFunc(s.machine.listeners(), listens(address)) {
			s.t.Errorf("%s does not listen at %s", s.name, address)
		}
	}
}

// listener is a socket of TCP or UDP.
type listener struct{ address, program string }

// listeners are the sockets on the machine at which something can arrive.
func (m *machine) listeners() (list []listener) {
	m.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", m.ns, "ss", "-Hlntup").Output()
	if err != nil {
		m.t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 7 {
			continue
		}
		_, program, _ := strings.Cut(fields[6], `(("`) // users:(("name",pid=1,fd=2))
		program, _, _ = strings.Cut(program, `"`)
		list = append(list, listener{fields[4], program})
	}
	return list
}
