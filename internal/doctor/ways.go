package doctor

import (
	"slices"

	"github.com/botsync/botsync/internal/api"
)

const onlyRunning = "No daemon answers that could say."

func ports(b *book) {
	l := b.Live
	if l == nil {
		b.skip("port", plain(onlyRunning))
		return
	}
	down := 0
	for _, x := range l.Listeners {
		if x.Relay || x.Err == "" {
			continue
		}
		down++
		b.add(api.CheckFail, "port", address(x.Address), sayf("Nobody can connect here: %v.", causeOf(x.Err)),
			sayf("See who uses port %d (ss -lntup), end it, then: botsync stop, botsync start", l.Port))
	}
	switch {
	case down > 0:
	case l.Port != l.Preferred && l.Taker != "":
		b.ok("port", sayf("TCP and UDP %d are open here: %d, which it had or should have, is taken by %v.", l.Port, l.Preferred, text{l.Taker, "another program"}))
	case l.Port != l.Preferred:
		b.ok("port", sayf("TCP and UDP %d are open here; %d, which it had or should have, was taken when it started.", l.Port, l.Preferred))
	default:
		b.ok("port", sayf("TCP and UDP %d are open here.", l.Port))
	}
}

// mapping says whether a router leads here. Without that a device behind one is
// reached all the same, mostly: both sides try at once, or a relay is between them.
func mapping(b *book) {
	l := b.Live
	switch {
	case l == nil:
		b.skip("port_mapping", plain(onlyRunning))
		return
	case l.LANOnly:
		b.skip("port_mapping", plain("lan_only is set: no router is asked for a port."))
		return
	}
	var all []text
	for _, x := range l.Listeners {
		for _, a := range x.Mapped {
			all = append(all, address(a))
		}
	}
	relayed := 0
	for _, p := range b.Peers {
		if p.Connected && p.Via == api.ViaRelay {
			relayed++
		}
	}
	switch {
	case len(all) > 0:
		b.ok("port_mapping", sayf("The router leads here, by UPnP or NAT-PMP: %v.", join(all)))
	case slices.ContainsFunc(l.Interfaces, func(i Interface) bool { return i.Public }):
		b.skip("port_mapping", plain("No router has given a port, and none is needed: this machine has an address of the internet."))
	case relayed > 0:
		b.warn("port_mapping", sayf("No router has given a port by UPnP or NAT-PMP, and %v connected through a relay, which is slower.", count(relayed, "device is", "devices are")),
			sayf("Let the router of either side give out ports (UPnP or NAT-PMP), or have it lead TCP and UDP port %d here.", l.Port))
	default:
		b.skip("port_mapping", plain("No router has given a port by UPnP or NAT-PMP: devices outside connect by attempts from both sides, or through a relay."))
	}
}

func lan(b *book) {
	l := b.Live
	if l == nil {
		b.skip("lan", plain(onlyRunning))
		return
	}
	outside, multicast := 0, 0
	for _, i := range l.Interfaces {
		if i.Loopback {
			continue
		}
		outside++
		if i.Multicast {
			multicast++
		}
	}
	broken := map[string]string{}
	for _, m := range l.Discovery {
		if m.Kind != Global && m.Err != "" {
			broken[m.Kind] = m.Err
		}
	}
	const address = "Give addresses instead: pair with botsync invite --ticket."
	switch {
	case outside == 0:
		b.warn("lan", plain("No network interface is up but loopback: only this machine can be reached."), plain("Connect this machine to a network."))
	case len(broken) == 2:
		b.warn("lan", sayf("Devices of the local network are not found by themselves: %v.", causeOf(broken[LAN4])), plain(address))
	case multicast == 0:
		b.warn("lan", plain("No network interface does multicast: devices of the local network may not be found by themselves."), plain(address))
	case broken[LAN4] != "":
		b.ok("lan", sayf("Found by IPv6 multicast on %v; not by IPv4 broadcast: %v.", count(multicast, "interface", "interfaces"), causeOf(broken[LAN4])))
	default:
		b.ok("lan", sayf("Announced on %v of the local network.", count(multicast, "interface", "interfaces")))
	}
}

func discovery(b *book) {
	l := b.Live
	switch {
	case l == nil:
		b.skip("discovery", plain(onlyRunning))
		return
	case l.LANOnly:
		b.skip("discovery", plain("lan_only is set: no discovery server is asked."))
		return
	case l.NoDiscovery:
		b.skip("discovery", plain("No discovery server is used."))
		return
	}
	var good int
	var bad []Mechanism
	for _, m := range l.Discovery {
		switch {
		case m.Kind != Global:
		case m.Err == "":
			good++
		default:
			bad = append(bad, m)
		}
	}
	switch {
	case good+len(bad) == 0:
		b.skip("discovery", plain("No discovery server was asked yet."))
	case good == 0:
		b.warn("discovery", sayf("No discovery server knows where this device is: %v.", causeOf(bad[0].Err)),
			plain("See that this machine reaches the internet by HTTPS. Devices of the same network, and those that know an address, connect all the same."))
	case len(bad) > 0:
		b.ok("discovery", sayf("%v of %v know where this device is.", plain(itoa(good)), count(good+len(bad), "discovery server", "discovery servers")))
	default:
		b.ok("discovery", plain("The discovery servers know where this device is."))
	}
}

func syncthingRelays(b *book) {
	l := b.Live
	switch {
	case l == nil:
		b.skip("syncthing_relay", plain(onlyRunning))
		return
	case l.LANOnly:
		b.skip("syncthing_relay", plain("lan_only is set: no relay is used."))
		return
	case l.NoRelays:
		b.skip("syncthing_relay", plain("No relay of Syncthing is used."))
		return
	}
	joined, bad := 0, ""
	for _, x := range l.Listeners {
		switch {
		case !x.Relay:
		case x.Err == "" && x.Found > 0:
			joined++
		case x.Err != "":
			bad = x.Err
		}
	}
	switch {
	case joined > 0:
		b.ok("syncthing_relay", plain("A relay of Syncthing is joined, for devices that cannot connect directly."))
	case bad != "":
		b.warn("syncthing_relay", sayf("No relay of Syncthing is joined: %v.", causeOf(bad)),
			plain("See that this machine reaches the internet. Direct connections are made all the same."))
	default:
		b.skip("syncthing_relay", plain("No relay is joined yet."))
	}
}

func pairingRelay(b *book) {
	r := b.Relay
	switch {
	case r.URL == "":
		b.skip("pairing_relay", plain("None is configured."))
	case b.Config.LANOnly:
		b.skip("pairing_relay", plain("lan_only is set: it is not used."))
	case !r.Tried:
		b.skip("pairing_relay", plain("It was not asked."))
	case r.Err != nil:
		b.add(api.CheckWarn, "pairing_relay", address(r.URL), sayf("It cannot be used for pairing: %v.", cause(r.Err)),
			plain("Check its URL in config.toml, and that it is running. Files do not pass through it, and pairing goes on by other ways."))
	default:
		b.add(api.CheckOK, "pairing_relay", address(r.URL), sayf("It answers, after %v.", r.Took.Round(1e6)), text{})
	}
}

// way is one by which open invites can be met, and how it is with it.
type way struct {
	Way
	invites int
}

// invites lists every way of the open invites: most invites have the same ones.
func invites(b *book) {
	if b.Live == nil {
		b.skip("invite", plain(onlyRunning))
		return
	}
	var ways []way
	for _, w := range b.Live.Invites {
		i := slices.IndexFunc(ways, func(x way) bool { return x.Way == w })
		if i < 0 {
			i, ways = len(ways), append(ways, way{Way: w})
		}
		ways[i].invites++
	}
	for _, w := range ways {
		subject := oneOf(w.Name, "lan", "relay", "global", "ticket")
		target := text{w.Target, hidden}
		if w.Name == "relay" {
			target = address(w.Target)
		}
		can := count(w.invites, "open invite can", "open invites can")
		switch {
		case w.Open:
			b.add(api.CheckOK, "invite", subject, sayf("%v be redeemed this way (%v).", can, target), text{})
		case w.Err == "":
			b.add(api.CheckSkipped, "invite", subject, sayf("Whether %v be redeemed this way (%v) is not known yet.", can, target), text{})
		default:
			b.add(api.CheckWarn, "invite", subject, sayf("An invite cannot be redeemed this way (%v): %v.", target, causeOf(w.Err)),
				plain("The other ways go on, and this one is tried again."))
		}
	}
	if len(ways) == 0 {
		b.ok("invite", plain("No invite is open."))
	}
}
