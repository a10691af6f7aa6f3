package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

// errRenewed ends a run of the daemon so that the next has another identity.
var errRenewed = errors.New("the identity is renewed")

// Leave takes this device out of its network. Its files stay. The others see it
// as removed, which is for good: so it gets another identity, for which the
// daemon starts anew when this has been answered.
func (d *daemon) Leave(ctx context.Context, req api.LeaveRequest) (*api.LeftLine, error) {
	m, plan, _ := d.members.current()
	if m.Network == "" {
		return nil, errNoNetwork()
	}
	if !d.joins.begin(ctx) {
		return nil, api.Errorf(api.CodeJoining, "Wait until it is done.", "a join is under way for this root")
	}
	defer d.joins.done()
	line := &api.LeftLine{Schema: api.Schema, Type: api.TypeLeft, Device: d.self(),
		Network: api.Network{ID: m.Network, Devices: len(plan) + 1}, Told: []api.Device{}, Untold: []api.Device{}}
	if d.members.removal() == nil && m.Pending == nil {
		told, err := d.sayGoodbye(ctx, req.Timeout, devices(plan))
		if err != nil {
			return nil, explain(d.root, err)
		}
		line.Told = told
	}
	for _, p := range devices(plan) {
		if !slices.Contains(line.Told, p) {
			line.Untold = append(line.Untold, p)
		}
	}
	return line, d.startAnew(context.WithoutCancel(ctx))
}

// sayGoodbye has the others know that this device is a member no more, those that
// are connected and take note in time.
func (d *daemon) sayGoodbye(ctx context.Context, timeout time.Duration, peers []api.Device) ([]api.Device, error) {
	if timeout <= 0 {
		timeout = api.DefaultLeave
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	d.applying.Lock() // or what follows from the removal would cut the connections before
	defer d.applying.Unlock()
	peers = d.canBeTold(peers) // before they can know, and end the connection
	if err := d.members.resign(); err != nil {
		return nil, err
	}
	if err := d.announce(ctx); err != nil {
		d.log.Warn("looking at the device records", "error", err)
		return []api.Device{}, nil // it is out all the same, and nobody knows
	}
	return d.tell(ctx, peers, true), nil
}

// resign writes the removal of this device.
func (ms *members) resign() error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	k := ms.known.Clone()
	k.Remove(network.Removal{ID: ms.self, RemovedBy: ms.self, RemovedAt: time.Now()})
	if err := ms.keep(k); err != nil {
		return err
	}
	return ms.store.Write(k.RemovalFile(ms.self))
}

// startAnew forgets the network, with an identity that no network knows. The
// daemon runs anew with it as soon as the request that led to this is answered.
func (d *daemon) startAnew(ctx context.Context) error {
	forget := state.Entries{}
	for id := range d.members.records().Records {
		forget.Gone = append(forget.Gone, id)
	}
	if err := d.members.leave(true); err != nil {
		return err
	}
	defer d.stop(errRenewed) // also if the rest fails: it is done at the start
	err := errors.Join(d.state.ExpireInvites(ctx, time.Now().Add(2*inviteLifetime)), d.activity.Record(ctx, forget))
	if err = errors.Join(err, d.apply(), d.members.clear()); err != nil {
		d.log.Error("forgetting the network", "error", err)
	}
	return nil
}

// errStartsAnew asks for a join to be tried again in a moment.
func errStartsAnew() *api.Error {
	return api.Errorf(api.CodeRestarting, "Run the same command again.",
		"this device was removed from its network; its daemon starts anew with another identity")
}

// renewIdentity replaces an identity that was removed from a network, and the
// note that it has to be.
func renewIdentity(r *root.Root, m *network.Membership) error {
	for _, name := range []string{engine.CertFile, engine.KeyFile} { // without the first the second is nobody's
		if err := os.Remove(filepath.Join(r.IdentityDir(), name)); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("renewing identity: %w", err)
		}
	}
	if _, err := engine.CreateIdentity(r.IdentityDir()); err != nil {
		return explain(r, err)
	}
	m.Spent = false
	return explain(r, m.Save(r.MembershipPath()))
}
