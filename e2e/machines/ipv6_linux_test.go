package machines

import (
	"fmt"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
)

// ipv6 gives the public network IPv6: it routes 2001:db8:N::/64 to home N.
func (net *internet) ipv6() {
	net.t.Helper()
	net.public.sh("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; ip addr add 2001:db8::1/64 dev br0 nodad")
}

// ipv6 gives the home public addresses of IPv6, which its router translates to
// none. It lets everything out, and in what the rule of nftables says.
func (h *home) ipv6(net *internet, in string) {
	h.t.Helper()
	h.router.sh(`echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		ip addr add 2001:db8::%d/64 dev wan nodad; ip addr add 2001:db8:%d::1/64 dev home nodad
		ip route add default via 2001:db8::1`, h.number, h.number)
	h.sh("ip addr add 2001:db8:%d::2/64 dev eth0 nodad; ip route add default via 2001:db8:%d::1", h.number, h.number)
	net.public.sh("ip route add 2001:db8:%d::/64 via 2001:db8::%d", h.number, h.number)
	h.router.nft(fmt.Sprintf(`table ip6 router {
	chain pass {
		type filter hook forward priority filter; policy drop;
		iifname "home" accept
		%s
	}
}
`, in))
}

// Two homes with public addresses of IPv6 connect by those, although nothing gets
// through to those of IPv4: where their routers let others in, and where they let
// in answers alone, since both sides ask. Where nothing gets through, a relay is
// used.
func TestPairByIPv6(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, rule, via string }{
		{"open", "accept", api.ViaDirect},
		{"answers", "ct state established,related accept", api.ViaDirect},
		{"nothing", "", api.ViaRelay},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			net := newInternet(t)
			net.ipv6()
			a, b := net.home("a"), net.home("b")
			a.ipv6(net, test.rule)
			b.ipv6(net, test.rule)
			agent, laptop := a.node("agent"), b.node("laptop")
			joinOn(laptop, initOn(agent, net.flags()...).Code, "--discovery-server", net.discovery)
			mustHaveEachOther(t, agent, laptop)
			awaitVia(test.via, agent, laptop)
			exchange(t, agent, laptop, "first")
			s := laptop.Status()
			if test.via == api.ViaDirect && (len(s.Peers) != 1 || !strings.HasPrefix(s.Peers[0].Address, "[2001:db8:")) {
				t.Errorf("the laptop has %+v, want a connection by IPv6", s.Peers)
			}
		})
	}
}
