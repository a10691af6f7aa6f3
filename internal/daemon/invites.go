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
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/code"
	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/pairing"
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

	used usedTickets
}

// invite is an open invite while its meeting goes on.
type invite struct {
	state.Invite
	keys pairing.Keys

	exchange turn // of the one guest that is being served

	mu     sync.Mutex
	ways   []api.Way
	used   bool
	guests int    // connected and proved
	end    func() // of the meeting

	open, all        chan struct{} // closed when a way is open, when all have reported
	opened, reported sync.Once
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
	if d.members.removal() != nil {
		return nil, errRemoved()
	}
	if d.joins.busy() || d.members.pending() != nil {
		return nil, api.Errorf(api.CodeJoining, `Wait until it is done; "botsync status" shows it.`,
			"this root is joining another network")
	}
	if d.invites.count() >= maxInvites {
		return nil, api.Errorf(api.CodeRefused, "Wait until one is used or has expired.", "there are %d open invites already", maxInvites)
	}
	expires := time.Now().Add(inviteLifetime).Truncate(time.Millisecond)
	var o offer
	if req.Ticket {
		if err = d.found(); err == nil {
			o, err = d.newTicket(d.invites.ctx, relay, expires)
		}
	} else {
		o, err = d.newCode(relay, d.found)
	}
	if err != nil {
		return nil, err
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, fmt.Errorf("making an invite: %w", err)
	}
	inv := state.Invite{ID: hex.EncodeToString(id[:]), Keys: o.keys.Bytes(), Relay: relay, Port: o.port, ExpiresAt: expires}
	if err := d.state.AddInvite(ctx, inv); err != nil {
		return nil, explain(d.root, err)
	}
	open := d.invites.start(inv, o)
	d.activity.Add(api.Event{Type: api.EventInviteOpened, Invite: inv.ID})
	line := &api.InviteLine{
		Schema: api.Schema, Type: api.TypeInvite, ID: inv.ID, Code: o.text, Ticket: req.Ticket, ExpiresAt: inv.ExpiresAt,
		Device: d.self(), Root: d.root.Dir(), Relay: relay, Ways: open.settled(ctx), Command: "botsync join " + o.text,
	}
	if relay != "" && !req.Ticket {
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

// resume opens the invites that were open when the daemon ended. One that would be
// open for longer than any is of a clock that was set back since: when it was made
// is not known.
func (is *invites) resume(ctx context.Context) error {
	if err := is.d.state.ExpireInvites(ctx, time.Now()); err != nil {
		return err
	}
	open, err := is.d.state.OpenInvites(ctx, time.Now())
	if err != nil {
		return err
	}
	for _, inv := range open {
		if time.Until(inv.ExpiresAt) > inviteLifetime {
			is.d.log.Warn("an invite has ended, since the clock was set back", "invite", inv.ID)
			if err := is.d.state.ExpireInvite(ctx, inv.ID); err != nil {
				return err
			}
			continue
		}
		keys, err := pairing.KeysFromBytes(inv.Keys)
		if err != nil {
			is.d.log.Warn("an invite cannot be resumed", "invite", inv.ID, "error", err)
			continue
		}
		o, err := is.d.reoffer(is.ctx, inv, keys)
		if err != nil {
			is.d.log.Warn("an invite cannot be resumed", "invite", inv.ID, "error", err)
			continue
		}
		is.start(inv, o)
	}
	return nil
}

// reoffer makes the meeting of an invite anew. A ticket names the port at which
// its guest is expected.
func (d *daemon) reoffer(ctx context.Context, inv state.Invite, keys pairing.Keys) (offer, error) {
	o := offer{keys: keys, port: inv.Port}
	if inv.Port == 0 {
		o.ways = d.ways(inv.Relay)
		return o, nil
	}
	way, _, err := meeting.ListenTicket(ctx, inv.Port)
	if err != nil {
		return o, err
	}
	if way.Port() != inv.Port {
		return o, errors.Join(fmt.Errorf("port %d of its ticket is taken", inv.Port), way.Close())
	}
	o.ways = withRelay(way, inv.Relay)
	return o, nil
}

// start opens the meeting of an invite, until it is used or has expired.
func (is *invites) start(i state.Invite, o offer) *invite {
	ctx, cancel := context.WithDeadline(is.ctx, i.ExpiresAt)
	inv := &invite{Invite: i, keys: o.keys, end: cancel, open: make(chan struct{}), all: make(chan struct{})}
	for _, w := range o.ways {
		inv.ways = append(inv.ways, api.Way{Name: w.Name(), Target: w.Target(), Trying: true})
	}
	is.mu.Lock()
	is.open[inv.ID] = inv
	is.mu.Unlock()
	is.d.group.Go(func() {
		defer cancel()
		err := meeting.Host(ctx, o.ways, place(o.keys), meeting.HostOptions{Report: inv.report},
			func(ctx context.Context, way string, conn net.Conn) { is.d.serveGuest(ctx, inv, way, conn) })
		is.ended(inv, err)
		if inv.Port != 0 && inv.isUsed() {
			is.used.turnAway(is.ctx, inv.Port, inv.ExpiresAt)
		}
	})
	return inv
}

// ended takes an invite from the list when its meeting is over.
func (is *invites) ended(inv *invite, err error) {
	is.mu.Lock()
	delete(is.open, inv.ID)
	is.mu.Unlock()
	switch {
	case inv.isUsed(), is.ctx.Err() != nil: // or the daemon stops, and resumes it
	case errors.Is(err, context.DeadlineExceeded):
		// The clock may have been set back since.
		err := errors.Join(is.d.state.ExpireInvite(is.ctx, inv.ID), is.d.state.ExpireInvites(is.ctx, time.Now()))
		if err != nil {
			is.d.log.Error("expiring invites", "error", err)
		}
		is.d.activity.Add(api.Event{Type: api.EventInviteExpired, Invite: inv.ID})
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
	inv.mu.Lock()
	defer inv.mu.Unlock()
	trying := false
	for i := range inv.ways {
		w := &inv.ways[i]
		if w.Name == s.Way && w.Target == s.Target {
			w.OK, w.Trying, w.Error = s.Open, false, ""
			if s.Err != nil {
				w.Error = s.Err.Error()
			}
			if s.Open {
				inv.opened.Do(func() { close(inv.open) })
			}
		}
		trying = trying || w.Trying
	}
	if !trying {
		inv.reported.Do(func() { close(inv.all) })
	}
}

// How long an invite waits for its ways: a guest that is very quick should find
// a door open, and a person likes to know which doors there are.
const (
	openPatience = 2 * time.Second
	waysPatience = 300 * time.Millisecond // for the others, once one is open
)

// settled returns the ways once all have reported, or the time is up.
func (inv *invite) settled(ctx context.Context) []api.Way {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	select {
	case <-inv.all:
		return inv.states()
	case <-inv.open:
	case <-ctx.Done():
		return inv.states()
	}
	patience := time.NewTimer(waysPatience)
	defer patience.Stop()
	select {
	case <-inv.all:
	case <-patience.C:
	case <-ctx.Done():
	}
	return inv.states()
}

func (inv *invite) states() []api.Way {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return slices.Clone(inv.ways)
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
