package machines

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/botsync/botsync/internal/botsynctest"
)

// With lan_only nothing leaves the local network, no name is looked up and no
// router asked for a port, although there is a route to the world and a name
// server.
func TestLANOnlyStaysOnTheLAN(t *testing.T) {
	t.Parallel()
	host, guest, traffic := watched(t)
	invite := host.Init("--relay", "")
	guest.Join(invite.Code)
	mustHaveEachOther(t, host, guest)
	exchange(t, host, guest, "first")
	for _, n := range []node{host, guest} {
		n.Must("stop")
		n.Must("start")
	}
	mustHaveEachOther(t, host, guest)
	exchange(t, host, guest, "second")

	local, strays := traffic.stop()
	t.Logf("%d packets", local)
	if local < 100 {
		t.Errorf("only %d packets were seen", local)
	}
	for stray, n := range strays {
		t.Errorf("%d packets: %s", n, stray)
	}
}

// Without lan_only the same is seen to ask for names: the capture works.
func TestTheCaptureSeesWhatLeaves(t *testing.T) {
	t.Parallel()
	host, _, traffic := watched(t)
	host.Must("init", "--json", "--no-wait", "--name", "host")
	botsynctest.Await(t, "a query of a name server", func() bool { return traffic.strayed("name server") })
	traffic.stop()
}

// watched are two machines on a switch, each with a route to the world and a
// name server that both lead to a gateway, and a capture of what they send.
func watched(t *testing.T) (host, guest node, c *capture) {
	t.Helper()
	list := lan(t, "host", "guest", "gateway")
	for _, m := range list[:2] {
		m.sh("ip route add default via 10.7.0.3; ip -6 route add default via fd07::3")
		dir := "/etc/netns/" + m.ns // ip-netns(8): in place of those of /etc
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		if err := os.WriteFile(dir+"/resolv.conf", []byte("nameserver 10.7.0.3\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return list[0].node("host"), list[1].node("guest"), startCapture(t, list[:2])
}

// A capture looks at every packet that machines send over their eth0.
type capture struct {
	t       *testing.T
	sockets []int
	readers sync.WaitGroup

	mu     sync.Mutex
	done   bool
	local  int
	strays map[string]int
}

func startCapture(t *testing.T, list []*machine) *capture {
	t.Helper()
	c := &capture{t: t, strays: map[string]int{}}
	for _, m := range list {
		var fd int
		m.enter(func() (err error) {
			cable, err := net.InterfaceByName("eth0")
			if err != nil {
				return err
			}
			// Nothing is received before it is bound.
			if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
				return err
			}
			all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
			if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: cable.Index}); err != nil {
				return err
			}
			// So that the reader sees that it shall end.
			if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}); err != nil {
				return err
			}
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
		})
		c.sockets = append(c.sockets, fd)
		c.readers.Go(func() { c.read(fd) })
	}
	t.Cleanup(func() { c.stop() })
	return c
}

func (c *capture) read(fd int) {
	defer unix.Close(fd)
	buf := make([]byte, 64<<10)
	for {
		n, from, err := unix.Recvfrom(fd, buf, 0)
		c.mu.Lock()
		done := c.done
		c.mu.Unlock()
		if err != nil {
			if done {
				return
			}
			continue
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			c.look(buf[:n])
		}
	}
}

// look takes note of one packet, without its Ethernet header.
func (c *capture) look(b []byte) {
	stray := strayOf(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if stray == "" {
		c.local++
	} else {
		c.strays[stray]++
	}
}

// onLink are the destinations that a machine of a lan reaches without a router.
var onLink = []netip.Prefix{
	netip.MustParsePrefix("10.7.0.0/24"), netip.MustParsePrefix("fd07::/64"),
	netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("255.255.255.255/32"),
	netip.MustParsePrefix("224.0.0.0/24"),                                  // never forwarded (RFC 5771, section 4)
	netip.MustParsePrefix("239.255.0.0/16"),                                // the local scope (RFC 2365, section 6.1)
	netip.MustParsePrefix("ff02::/16"), netip.MustParsePrefix("ff12::/16"), // link-local scope (RFC 4291, section 2.7)
}

// strayOf says what a packet that should not have been sent is; nothing for one
// that stays in the local network and asks for no name.
func strayOf(b []byte) string {
	if len(b) < 1 {
		return ""
	}
	var to netip.Addr
	var protocol byte
	var rest []byte
	switch {
	case b[0]>>4 == 4 && len(b) >= 20:
		to, protocol, rest = netip.AddrFrom4([4]byte(b[16:20])), b[9], b[min(len(b), int(b[0]&15)*4):]
	case b[0]>>4 == 6 && len(b) >= 40:
		to, protocol, rest = netip.AddrFrom16([16]byte(b[24:40])), b[6], b[40:]
	default:
		return "" // ARP
	}
	port := 0
	if (protocol == unix.IPPROTO_UDP || protocol == unix.IPPROTO_TCP) && len(rest) >= 4 {
		port = int(binary.BigEndian.Uint16(rest[2:4]))
	}
	switch {
	case port == 53:
		return fmt.Sprintf("a query of the name server %s", to)
	case protocol == unix.IPPROTO_UDP && (port == 1900 || port == 5351): // UPnP and NAT-PMP
		return fmt.Sprintf("a question to the router %s for a port", to)
	}
	for _, p := range onLink {
		if p.Contains(to) {
			return ""
		}
	}
	return fmt.Sprintf("protocol %d to %s port %d", protocol, to, port)
}

// strayed says whether something was sent that is described in these words.
func (c *capture) strayed(words string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for stray := range c.strays {
		if strings.Contains(stray, words) {
			return true
		}
	}
	return false
}

// stop ends the capture and returns what was seen.
func (c *capture) stop() (local int, strays map[string]int) {
	c.mu.Lock()
	c.done = true
	c.mu.Unlock()
	c.readers.Wait()
	return c.local, c.strays
}
