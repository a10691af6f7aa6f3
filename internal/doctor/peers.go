package doctor

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
)

func itoa(n int) string { return strconv.Itoa(n) }

// maxClock is how far a peer's clock may be ahead or behind: of two versions that
// were written at the same time the later one wins, by their clocks.
const maxClock = 5 * time.Second

func peers(b *book) {
	if len(b.Peers) == 0 {
		b.skip("peer", plain("There is no other device."))
		return
	}
	if b.Live == nil {
		b.skip("peer", plain("No daemon answers that could say who is connected."))
		return
	}
	for _, p := range b.Peers {
		b.peer(p)
		if p.Connected && !p.Stock {
			b.peerVersion(p)
			b.peerClock(p)
		}
	}
}

func (b *book) peer(p Peer) {
	add := func(status string, message, fix text) { b.add(status, "peer", b.names.peer(p), message, fix) }
	switch {
	case p.Refuses:
		add(api.CheckFail, plain("It ends every connection at once: it may have removed this device, or not have heard of it."),
			plain("botsync devices there; if this device is not in the list: botsync join CODE, with a new code"))
	case p.Connected && p.Unshared:
		add(api.CheckWarn, plain("It is a Syncthing that has accepted no folder."), sayf("Accept the folders there: botsync devices add ID --name %v shows which", b.names.peer(p)))
	case p.Connected:
		add(api.CheckOK, sayf("Connected%v, at %v.", plain(how(p.Via)), address(p.Address)), text{})
	default:
		add(api.CheckWarn, sayf("Not connected%v. %v", seen(p, b.Now), tried(p.Addresses)),
			plain("See that botsync is running there (botsync doctor), and that both reach a network."))
	}
}

func how(via string) string {
	switch via {
	case api.ViaLAN:
		return " in the same network"
	case api.ViaDirect:
		return " directly"
	case api.ViaRelay:
		return " through a relay"
	}
	return ""
}

func seen(p Peer, now time.Time) text {
	if p.LastSeen.IsZero() {
		return plain(", and never was")
	}
	return sayf(", last seen %v ago", span(max(now.Sub(p.LastSeen), 0)))
}

// shownDials is how many addresses a message names.
const shownDials = 3

// tried says what became of the attempts to reach a peer.
func tried(dials []Dial) text {
	if len(dials) == 0 {
		return plain("No address of it is known.")
	}
	var all []text
	fresh := 0
	for _, d := range dials {
		switch {
		case d.At.IsZero():
			fresh++
		case len(all) < shownDials && d.Err != "":
			all = append(all, sayf("%v: %v", address(d.Address), causeOf(shortened(d.Err, d.Address))))
		case len(all) < shownDials:
			all = append(all, sayf("%v: it answered", address(d.Address)))
		}
	}
	if len(all) == 0 {
		return sayf("%v known, none tried yet.", count(len(dials), "address is", "addresses are"))
	}
	return sayf("Of %v: %v.", count(len(dials), "address", "addresses"), join(all))
}

// shortened leaves out of an error what its reader has before him: the operation
// and the address.
func shortened(err, address string) string {
	if i := strings.LastIndex(err, ": "); i >= 0 && strings.Contains(err[:i], "dial ") {
		return err[i+2:]
	}
	return strings.TrimPrefix(err, fmt.Sprintf("dialing %s: ", address))
}

func (b *book) peerVersion(p Peer) {
	add := func(status string, message, fix text) { b.add(status, "peer_version", b.names.peer(p), message, fix) }
	said := b.Clocks[p.ID].Version
	switch {
	case said == "" && p.Engine == "":
		add(api.CheckSkipped, plain("It has not said what it runs."), text{})
	case said == "" && p.Engine != b.Engine:
		add(api.CheckWarn, sayf("It runs Syncthing %v, this device %v.", version(p.Engine), version(b.Engine)), plain("Update botsync on the older one."))
	case said == "":
		add(api.CheckOK, sayf("It runs Syncthing %v, as this device does.", version(p.Engine)), text{})
	case said != b.Version:
		add(api.CheckWarn, sayf("It runs botsync %v, this device %v.", version(said), version(b.Version)), plain("Update botsync on the older one."))
	default:
		add(api.CheckOK, sayf("It runs botsync %v, as this device does.", version(said)), text{})
	}
}

func (b *book) peerClock(p Peer) {
	add := func(status string, message, fix text) { b.add(status, "peer_clock", b.names.peer(p), message, fix) }
	const set = "Set the clock that is wrong, and let it be kept: timedatectl set-ntp true"
	switch o := b.Clocks[p.ID].Offset; {
	case !o.Known:
		add(api.CheckSkipped, plain("How its clock differs is not known: it has not answered."), text{})
	case o.Low > maxClock:
		add(api.CheckWarn, sayf("Its clock is ahead of this one, by %v at least.", span(o.Low)), plain(set))
	case o.High < -maxClock:
		add(api.CheckWarn, sayf("Its clock is behind this one, by %v at least.", span(-o.High)), plain(set))
	default:
		add(api.CheckOK, sayf("Its clock and this one differ by %v at most.", span(max(o.High, -o.Low, 0))), text{})
	}
}
