package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/code"
	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/pairing"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

const (
	inviteLifetime = 10 * time.Minute
	// maxInvites bounds what is open at once; each holds sockets.
	maxInvites = 32
)

// invites are the open invites and their meetings.
type invites struct {
	d   *daemon
	ctx context.Context // of the daemon's work

	mu   sync.Mutex
	open map[string]*invite // by ID
}

// invite is an open invite while its meeting goes on.
type invite struct {
	state.Invite
	keys pairing.Keys

	// exchange is held by the one guest that is being served.
	exchange sync.Mutex

	mu     sync.Mutex
	ways   []api.Way
	used   bool
	guests int           // connected and proved
	end    func()        // of the meeting
	waits  chan struct{} // closed when the first way is open or has failed
	once   sync.Once
}

func newInvites(d *daemon, ctx context.Context) *invites {
	return &invites{d: d, ctx: ctx, open: map[string]*invite{}}
}

// Invite opens an invite and returns its code. It makes a network if this
// device is in none.
func (d *daemon) Invite(ctx context.Context, req api.InviteRequest) (*api.InviteLine, error) {
	relay, err := d.relay(req.Relay)
	if err != nil {
		return nil, err
	}
	if d.joins.busy() || d.members.pending() != nil {
		return nil, api.Errorf(api.CodeJoining, `Wait until it is done; "botsync status" shows it.`,
			"this root is joining another network")
	}
	if d.invites.count() >= maxInvites {
		return nil, api.Errorf(api.CodeRefused, "Wait until one is used or has expired.", "there are %d open invites already", maxInvites)
	}
	words, err := code.New()
	if err != nil {
		return nil, err
	}
	// The keys take the processor, a new network the disk.
	derived := make(chan pairing.Keys)
	go func() { derived <- deriveKeys(words) }()
	err = d.found()
	keys := <-derived
	if err != nil {
		return nil, err
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, fmt.Errorf("making an invite: %w", err)
	}
	inv := state.Invite{ID: hex.EncodeToString(id[:]), Keys: keys.Bytes(), Relay: relay,
		ExpiresAt: time.Now().Add(inviteLifetime).Truncate(time.Millisecond)}
	if err := d.state.AddInvite(ctx, inv); err != nil {
		return nil, explain(d.root, err)
	}
	open := d.invites.start(inv, keys)
	d.events.add(api.Event{Type: api.EventInviteOpened, Invite: inv.ID})
	// A guest that is very quick should find the door open.
	select {
	case <-open.waits:
	case <-ctx.Done():
	}
	line := &api.InviteLine{
		Schema: api.Schema, Type: api.TypeInvite, ID: inv.ID, Code: words.String(), ExpiresAt: inv.ExpiresAt,
		Device: d.self(), Root: d.root.Dir(), Relay: relay, Command: "botsync join " + words.String(),
	}
	if relay != "" {
		line.Command += " --relay " + relay
	}
	return line, nil
}

// deriveKeys gives the 64 MiB that Argon2id takes back to the system: this
// process goes on for months.
func deriveKeys(c code.Code) pairing.Keys {
	defer debug.FreeOSMemory()
	return pairing.DeriveKeys(c)
}

// relay returns the relay to use for an invite or a join.
func (d *daemon) relay(requested string) (string, error) {
	if requested == "" {
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

func (d *daemon) ways(relay string) []meeting.Way {
	ways := []meeting.Way{meeting.NewLAN(meeting.LANConfig{})}
	if relay != "" {
		ways = append(ways, meeting.NewRelay(relay))
	}
	return ways
}

func place(keys pairing.Keys) meeting.Place {
	return meeting.Place{Label: meeting.Label(keys.Place.Label()), Secret: keys.Place}
}

// found makes a network with this device in it, unless it is in one.
func (d *daemon) found() error {
	m, _, _ := d.members.current()
	if m.Network != "" {
		return nil
	}
	if err := d.members.found(d.self(), withoutLoopback(d.engine.Addresses())); err != nil {
		return explain(d.root, err)
	}
	return d.apply()
}

// resume opens the invites that were open when the daemon ended.
func (is *invites) resume(ctx context.Context) error {
	if err := is.d.state.ExpireInvites(ctx, time.Now()); err != nil {
		return err
	}
	open, err := is.d.state.OpenInvites(ctx, time.Now())
	if err != nil {
		return err
	}
	for _, inv := range open {
		keys, err := pairing.KeysFromBytes(inv.Keys)
		if err != nil {
			is.d.log.Warn("an invite cannot be resumed", "invite", inv.ID, "error", err)
			continue
		}
		is.start(inv, keys)
	}
	return nil
}

// start opens the meeting of an invite, until it is used or has expired.
func (is *invites) start(i state.Invite, keys pairing.Keys) *invite {
	ctx, cancel := context.WithDeadline(is.ctx, i.ExpiresAt)
	inv := &invite{Invite: i, keys: keys, end: cancel, waits: make(chan struct{})}
	is.mu.Lock()
	is.open[inv.ID] = inv
	is.mu.Unlock()
	is.d.group.Go(func() {
		defer cancel()
		err := meeting.Host(ctx, is.d.ways(inv.Relay), place(keys), meeting.HostOptions{Report: inv.report},
			func(ctx context.Context, way string, conn net.Conn) { is.d.serveGuest(ctx, inv, way, conn) })
		is.ended(inv, err)
	})
	return inv
}

// ended takes an invite from the list when its meeting is over.
func (is *invites) ended(inv *invite, err error) {
	inv.once.Do(func() { close(inv.waits) })
	is.mu.Lock()
	delete(is.open, inv.ID)
	is.mu.Unlock()
	switch {
	case inv.isUsed(), is.ctx.Err() != nil: // or the daemon stops, and resumes it
	case errors.Is(err, context.DeadlineExceeded):
		if err := is.d.state.ExpireInvites(is.ctx, time.Now()); err != nil {
			is.d.log.Error("expiring invites", "error", err)
		}
		is.d.events.add(api.Event{Type: api.EventInviteExpired, Invite: inv.ID})
	default:
		is.d.log.Error("an invite ended", "invite", inv.ID, "error", err)
	}
}

func (is *invites) count() int {
	is.mu.Lock()
	defer is.mu.Unlock()
	return len(is.open)
}

// list returns the open invites, the first to expire first.
func (is *invites) list() []api.Invite {
	is.mu.Lock()
	defer is.mu.Unlock()
	out := make([]api.Invite, 0, len(is.open))
	for _, inv := range is.open {
		out = append(out, api.Invite{ID: inv.ID, ExpiresAt: inv.ExpiresAt, Ways: inv.states()})
	}
	slices.SortFunc(out, func(a, b api.Invite) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
	return out
}

// report notes how a way of the meeting is doing.
func (inv *invite) report(s meeting.State) {
	way := api.Way{Name: s.Way, Target: s.Target, OK: s.Open}
	if s.Err != nil {
		way.Error = s.Err.Error()
	}
	inv.mu.Lock()
	i := slices.IndexFunc(inv.ways, func(w api.Way) bool { return w.Name == way.Name && w.Target == way.Target })
	if i < 0 {
		inv.ways = append(inv.ways, way)
	} else {
		inv.ways[i] = way
	}
	inv.mu.Unlock()
	inv.once.Do(func() { close(inv.waits) })
}

func (inv *invite) states() []api.Way {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	ways := slices.Clone(inv.ways) // in the order in which they reported
	slices.SortFunc(ways, func(a, b api.Way) int { return strings.Compare(a.Name, b.Name) })
	return ways
}

func (inv *invite) isUsed() bool {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return inv.used
}

// enter counts a guest in, or refuses it because the invite was used before it
// came.
func (inv *invite) enter() bool {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if inv.used {
		return false
	}
	inv.guests++
	return true
}

// leave counts a guest out. The last one after the invite was used ends the
// meeting, so that those who were too late are told so.
func (inv *invite) leave() {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.guests--
	if inv.used && inv.guests == 0 {
		inv.end()
	}
}

func (inv *invite) use() {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.used = true
}
