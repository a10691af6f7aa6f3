package daemon

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/code"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/pairing"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/ticket"
)

// relay returns the pairing relay to use for an invite or a join.
func (d *daemon) relay(requested string) (string, error) {
	if requested = strings.TrimSpace(requested); requested == "" {
		if d.config.LANOnly {
			return "", nil
		}
		return d.config.Relay, nil
	}
	if err := root.ValidateRelay(requested); err != nil {
		return "", err
	}
	if d.config.LANOnly {
		return "", api.Errorf(api.CodeUsage, "Leave --relay out, or set lan_only = false in config.toml.",
			"a relay leaves the local network, and lan_only is set")
	}
	return requested, nil
}

// ways are all ways to meet under a code.
func (d *daemon) ways(relay string) []meeting.Way {
	ways := []meeting.Way{meeting.NewLAN(meeting.LANConfig{})}
	if global := d.global.way(d); global != nil {
		ways = append(ways, global)
	}
	if relay != "" {
		ways = append(ways, meeting.NewRelay(relay))
	}
	return ways
}

// globalWay keeps the way through Syncthing's servers, which remembers when one
// of them wants to be left alone.
type globalWay struct {
	mu      sync.Mutex
	servers network.Servers
	current *meeting.Global
}

// way returns nil if nothing may leave the local network, or there is no server
// to be found by.
func (g *globalWay) way(d *daemon) meeting.Way {
	servers := d.servers()
	if d.config.LANOnly || isNone(servers.Discovery) {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current == nil || !g.servers.Equal(servers) {
		g.servers = servers
		g.current = meeting.NewGlobal(meeting.GlobalConfig{
			DiscoveryServers: servers.Discovery, Relays: servers.Relays,
			UserAgent: "botsync/" + strings.TrimPrefix(d.version, "v"),
		})
	}
	return g.current
}

// servers are Syncthing's servers that this device uses: those of config.toml,
// or those of the network where config.toml leaves it to the default.
func (d *daemon) servers() network.Servers {
	s := network.Servers{Discovery: d.config.DiscoveryServers, Relays: d.config.SyncthingRelays}
	m, _, _ := d.members.current()
	if m.Servers == nil {
		return s
	}
	if isDefault(s.Discovery) {
		s.Discovery = m.Servers.Discovery
	}
	if isDefault(s.Relays) {
		s.Relays = m.Servers.Relays
	}
	return s
}

// engineServers are those that the engine uses: none while this device is in no
// network, since there is nobody to find or to be found by. What a guest named is
// not all that it will use: the other servers of the network, in place of public
// ones, it is told while pairing.
func (d *daemon) engineServers() network.Servers {
	if m, _, _ := d.members.current(); m.Network == "" {
		return network.Servers{Discovery: []string{engine.None}, Relays: []string{engine.None}}
	}
	return d.servers()
}

// ownServers is what guests are told: nil if all are the public ones.
func (d *daemon) ownServers() *pairing.Servers {
	s := d.servers()
	if isDefault(s.Discovery) && isDefault(s.Relays) {
		return nil
	}
	return &pairing.Servers{Discovery: s.Discovery, Relays: s.Relays}
}

func isDefault(servers []string) bool {
	return len(servers) == 0 || len(servers) == 1 && servers[0] == engine.Default
}

func isNone(servers []string) bool { return len(servers) == 1 && servers[0] == engine.None }

// offer is what host and guest share, and how they meet under it.
type offer struct {
	text string // five words or a ticket; empty when it was not kept
	keys pairing.Keys
	ways []meeting.Way
	port int // where a host listens for the guest of a ticket, else 0

	ticket *ticket.Ticket // what a guest was given, if it is one
}

// newCode makes five words. The keys take the processor; meanwhile does
// something that takes the disk.
func (d *daemon) newCode(relay string, meanwhile func() error) (offer, error) {
	words, err := code.New()
	if err != nil {
		return offer{}, err
	}
	derived := make(chan pairing.Keys)
	go func() { derived <- deriveKeys(words) }()
	err = meanwhile()
	keys := <-derived
	return offer{text: words.String(), keys: keys, ways: d.ways(relay)}, err
}

// newTicket makes a ticket, and listens for its guest.
func (d *daemon) newTicket(ctx context.Context, relay string, expires time.Time) (offer, error) {
	if len(relay) > ticket.MaxRelay {
		return offer{}, api.Errorf(api.CodeUsage, "Name a relay with a shorter URL, or none.",
			"a ticket has no room for a relay's URL of more than %d bytes", ticket.MaxRelay)
	}
	d.invites.used.release(meeting.TicketPort)
	way, addresses, err := meeting.ListenTicket(ctx, 0)
	if err != nil {
		return offer{}, api.Errorf(api.CodeUnreachable, "Connect this machine to a network first.", "%v", err)
	}
	t, err := ticket.New(expires, engine.RawID(d.members.self), addresses, relay)
	if err != nil {
		way.Close()
		return offer{}, err
	}
	return offer{text: t.Text(), keys: ticketKeys(t), ways: withRelay(way, relay), port: way.Port()}, nil
}

// takeOffer reads what a guest was given.
func (d *daemon) takeOffer(text, relay string, keysDone func(time.Duration)) (offer, error) {
	const hint = "Check it with the person who gave it to you."
	start := time.Now()
	if ticket.IsTicket(text) {
		t, err := ticket.Parse(text)
		if err != nil {
			return offer{}, api.Errorf(api.CodeBadCode, hint, "%v", err)
		}
		if relay == "" && !d.config.LANOnly {
			relay = t.Relay
		}
		o := offer{ticket: &t, keys: ticketKeys(t), ways: withRelay(meeting.DialTicket(t.Addresses), relay)}
		keysDone(time.Since(start))
		return o, nil
	}
	words, err := code.Parse(text)
	if err != nil {
		return offer{}, api.Errorf(api.CodeBadCode, hint, "%v", err)
	}
	o := offer{keys: deriveKeys(words), ways: d.ways(relay)}
	keysDone(time.Since(start))
	return o, nil
}

func ticketKeys(t ticket.Ticket) pairing.Keys {
	place, psk := t.Keys()
	return pairing.Keys{Place: place, PSK: psk}
}

func withRelay(way *meeting.Ticket, relay string) []meeting.Way {
	ways := []meeting.Way{way}
	if relay != "" {
		ways = append(ways, meeting.NewRelay(relay))
	}
	return ways
}

// spoken says where is looked, for people.
func spoken(ways []meeting.Way) string {
	var out []string
	for _, w := range ways {
		switch w.Name() {
		case "lan":
			out = append(out, "on the same network")
		case "ticket":
			out = append(out, "at the addresses of the ticket")
		case "relay":
			out = append(out, "at "+w.Target())
		default:
			out = append(out, "through "+w.Target())
		}
	}
	return enumerate(out)
}

// enumerate puts the last of several after "and".
func enumerate(all []string) string {
	if n := len(all); n > 1 {
		return fmt.Sprintf("%s and %s", strings.Join(all[:n-1], ", "), all[n-1])
	}
	return strings.Join(all, "")
}
