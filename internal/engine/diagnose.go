package engine

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/discover"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/watch"
)

// WantedPort is the port that the engine would listen on if it had been free: the one
// of the last time, or the default.
func (e *Engine) WantedPort() int { return e.wanted }

func wantedPort(kept int) int {
	if kept == 0 || kept == stockPort {
		return defaultPort
	}
	return kept
}

// Listener is somewhere that peers can connect.
type Listener struct {
	Address string // URL
	Relay   bool   // through Syncthing's relays
	Err     string // why it is down; empty if it is not
	Found   int    // addresses that it has, of this network or others
	// Mapped are the addresses at which a router leads here that gave a port when
	// it was asked by UPnP or NAT-PMP. Only listeners for TCP have some: those for
	// QUIC have a port of the same routers, and also what a STUN server has seen.
	Mapped []string
}

// Listeners returns where peers can connect, sorted by address.
func (e *Engine) Listeners() []Listener {
	status := e.conns.ListenerStatus()
	var out []Listener
	for _, address := range slices.Sorted(maps.Keys(status)) {
		s := status[address]
		l := Listener{Address: address, Found: len(s.LANAddresses) + len(s.WANAddresses),
			Relay: strings.HasPrefix(address, "relay") || strings.HasPrefix(address, "dynamic+")}
		if strings.HasPrefix(address, "tcp") {
			l.Mapped = mapped(address, s.WANAddresses)
		}
		if s.Error != nil {
			l.Err = *s.Error
		}
		out = append(out, l)
	}
	return out
}

// mapped are those of a listener's addresses that it has by a router. Syncthing has
// each twice, without the router's own address too, which counts only if there is
// nothing better; and beside them the listener's own address, and with port 0 one
// for attempts to connect from both sides at once.
func mapped(listener string, addresses []string) []string {
	own, err := url.Parse(listener)
	if err != nil {
		return nil
	}
	var whole, half []string
	for _, raw := range addresses {
		u, err := url.Parse(raw)
		if err != nil || u.Host == own.Host || u.Port() == "0" {
			continue
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err != nil || ip.IsUnspecified() {
			half = append(half, raw)
		} else {
			whole = append(whole, raw)
		}
	}
	if len(whole) == 0 {
		whole = half
	}
	slices.Sort(whole)
	return slices.Compact(whole)
}

// The kinds of a Discovery.
const (
	DiscoveryBroadcast = "broadcast" // IPv4, in the local network
	DiscoveryMulticast = "multicast" // IPv6, likewise
	DiscoveryServer    = "server"
)

// Discovery is a way in which peers are found.
type Discovery struct {
	Kind string
	Name string
	Err  string // of its last attempt; empty if that succeeded or none was made
}

// Discoveries returns the ways in which peers are found, and how it is with each.
// It is what Syncthing knows: nothing is sent.
func (e *Engine) Discoveries() []Discovery {
	manager, ok := e.finder.Finder.(discover.Manager)
	if !ok {
		return nil
	}
	all := manager.ChildErrors()
	var out []Discovery
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d := Discovery{Kind: DiscoveryServer, Name: name}
		switch { // Syncthing's words
		case strings.HasPrefix(name, "IPv4"):
			d.Kind = DiscoveryBroadcast
		case strings.HasPrefix(name, "IPv6"):
			d.Kind = DiscoveryMulticast
		}
		if err := all[name]; err != nil {
			d.Err = err.Error()
		}
		out = append(out, d)
	}
	return out
}

// Dial is an address of a peer, and what became of the last attempt to reach it.
type Dial struct {
	Address string
	At      time.Time // zero if it was not tried since the engine started
	Err     string    // empty if the attempt succeeded
}

// Dials returns where a peer is looked for: the addresses that were exchanged with
// it, and those of discovery.
func (e *Engine) Dials(id string) ([]Dial, error) {
	device, err := protocol.DeviceIDFromString(id)
	if err != nil {
		return nil, fmt.Errorf("reading the addresses of a peer: %w", err)
	}
	e.finder.mu.Lock()
	var addresses []string
	if w := e.finder.peers[device]; w != nil {
		addresses = slices.Concat(w.known, w.found)
	}
	e.finder.mu.Unlock()
	tried := e.conns.ConnectionStatus()
	out := []Dial{}
	seen := map[string]bool{}
	for _, a := range addresses {
		if seen[a] || e.isOwn(a) {
			continue
		}
		seen[a] = true
		d := Dial{Address: a}
		if s, ok := tried[a]; ok {
			d.At = s.When
			if s.Error != nil {
				d.Err = *s.Error
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// PeerVersion is the release of Syncthing that a connected peer says it runs; empty
// if it is not connected, or said none.
func (e *Engine) PeerVersion(id string) string {
	c, ok := e.connection(id)
	if !ok {
		return ""
	}
	words := strings.Fields(c.ClientVersion) // the name of the program may come first
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// WatchUsage is how many directories are watched, of how many that this user may
// watch; false where the system has no such limit or does not tell.
func WatchUsage() (used, limit int, ok bool) { return watch.Usage() }
