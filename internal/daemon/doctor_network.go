package daemon

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/botsync/botsync/internal/doctor"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/meeting"
)

// gatherNetwork says how this device can be found and reached, as far as the engine
// and the system know. It sends nothing.
func (d *daemon) gatherNetwork(context.Context) func(*doctor.Facts) {
	now := time.Now()
	live := doctor.Live{Uptime: now.Sub(d.started), Backwards: setBack(now.Sub(d.started), now.Round(0).Sub(d.started.Round(0))),
		Port: d.engine.Port(), Preferred: d.engine.WantedPort(), Interfaces: interfaces()}
	live.SetBack, live.SetAhead, live.Untrusted = d.clock.wrong()
	if live.Port != live.Preferred {
		live.Taker = portTaker(live.Preferred)
	}
	for _, l := range d.engine.Listeners() {
		live.Listeners = append(live.Listeners, doctor.Listener(l))
	}
	for _, x := range d.engine.Discoveries() {
		live.Discovery = append(live.Discovery, doctor.Mechanism(x))
	}
	servers := d.engineServers()
	live.LANOnly, live.NoDiscovery, live.NoRelays = d.config.LANOnly, isNone(servers.Discovery), isNone(servers.Relays)
	live.Watch.Used, live.Watch.Limit, live.Watch.Known = engine.WatchUsage()
	for _, p := range d.engine.WatchProblems() {
		if folders := shown(p.Folders); len(folders) > 0 {
			live.Watch.Folders, live.Watch.Message, live.Watch.Command, live.Watch.File = folders, p.Message, p.Command, p.File
		}
	}
	var ghosts []string
	for id := range d.members.records().Removals {
		if d.engine.Connected(id) {
			ghosts = append(ghosts, d.members.device(id).Name)
		}
	}
	return func(f *doctor.Facts) {
		live.Invites = f.Live.Invites
		f.Live, f.Member.Ghosts = &live, ghosts
	}
}

// setBack is by how much the clock of the wall was set back in a time in which it went
// on by wall, and the clock that only goes forward by steady. That one stands still
// while a machine sleeps, so a clock that was set ahead cannot be told.
func setBack(steady, wall time.Duration) time.Duration { return max(steady-wall, 0) }

func interfaces() []doctor.Interface {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []doctor.Interface
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		x := doctor.Interface{Name: i.Name, Multicast: i.Flags&net.FlagMulticast != 0, Loopback: i.Flags&net.FlagLoopback != 0}
		addresses, _ := i.Addrs() // none if it has just gone
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok {
				x.V4 = x.V4 || n.IP.To4() != nil
				x.V6 = x.V6 || n.IP.To4() == nil
				x.Public = x.Public || ofInternet(n.IP)
			}
		}
		if x.V4 || x.V6 {
			out = append(out, x)
		}
	}
	return out
}

// carrierGrade are addresses that providers, and networks laid over others, give out
// behind a router of their own: RFC 6598.
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

// ofInternet reports whether an address may be reached from everywhere.
func ofInternet(ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	a = a.Unmap()
	return ok && a.IsGlobalUnicast() && !a.IsPrivate() && !carrierGrade.Contains(a)
}

// relayPart asks the pairing relay of config.toml whether it is one.
func relayPart(url string) part {
	set := func(took time.Duration, err error) func(*doctor.Facts) {
		return func(f *doctor.Facts) { f.Relay.Tried, f.Relay.Took, f.Relay.Err = true, took, err }
	}
	return part{gather: func(ctx context.Context) func(*doctor.Facts) {
		start := time.Now()
		err := meeting.LookRelay(ctx, url)
		return set(time.Since(start), err)
	}, late: set(0, errLate)}
}
