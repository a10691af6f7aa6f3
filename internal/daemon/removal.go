package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
)

const (
	// announcePatience bounds how long the change of a record may take to be noticed.
	announcePatience = 5 * time.Second
	// farewell is the most that a device that is removed is given to learn of it before
	// the connection is cut. It can do nothing in it that it could not do before.
	farewell = 2 * time.Second
	// refusalShown is after how long status says that a peer refuses this device: one
	// that has yet to hear of a new device does so for a moment.
	refusalShown = 8 * time.Second
)

// admittable says why a device cannot be let in now, nil if it can.
func (ms *members) admittable(id string) error {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.admits(id)
}

// RemoveDevice removes a peer from the network, for good. It returns when the
// peer cannot connect to this device any more. If there is an error, it may be out
// for this device and not for others yet.
func (d *daemon) RemoveDevice(ctx context.Context, req api.RemoveRequest) (*api.RemovedLine, error) {
	if err := d.changeable(); err != nil {
		return nil, err
	}
	d.applying.Lock()
	defer d.applying.Unlock()
	_, plan, _ := d.members.current()
	peers := devices(plan)
	if len(match(req.Device, peers)) == 0 && len(match(req.Device, []api.Device{d.self()})) > 0 {
		return nil, api.Errorf(api.CodeUsage, `Run "botsync leave" to take it out of its network.`, "%q is this device", req.Device)
	}
	found, err := choose([]string{req.Device}, d.self(), peers)
	if err != nil {
		return nil, err
	}
	if len(plan) == 1 {
		return nil, api.Errorf(api.CodeLastPeer, `Run "botsync leave": it parts the two for good, and files stay.`,
			"%q is the only other device; without it there is no network", found[0].Name)
	}
	gone := found[0]
	line := &api.RemovedLine{Schema: api.Schema, Type: api.TypeRemoved, Device: gone, LetIn: []api.Device{}, Offline: []api.Device{}, Stock: []api.Device{}}
	for _, p := range plan {
		if p.AddedBy == gone.ID && p.ID != gone.ID {
			line.LetIn = append(line.LetIn, shownAs(p))
		}
		if p.ID != gone.ID && !p.Stock && !d.peers.isAccepted(p.ID) {
			line.Offline = append(line.Offline, shownAs(p))
		}
		if p.ID != gone.ID && p.Stock && !gone.Stock {
			line.Stock = append(line.Stock, shownAs(p))
		}
	}
	if err := d.members.learn(func(k network.Known) error {
		k.Remove(network.Removal{ID: gone.ID, RemovedBy: d.members.self, RemovedAt: time.Now()})
		return nil
	}); err != nil {
		return nil, explain(d.root, err)
	}
	// It is known for good. From here on nothing keeps it from being done.
	asked := ctx
	ctx = context.WithoutCancel(ctx)
	err = d.members.reread()
	if err == nil {
		if err := d.announce(ctx); err != nil {
			d.log.Warn("looking at the device records", "error", err)
		} else if !gone.Stock {
			d.sayFarewell(asked, gone.ID)
		}
	}
	if err = errors.Join(err, d.applyHeld()); err != nil {
		d.wake() // it is tried again
		return nil, explain(d.root, err)
	}
	if err := d.members.spread(gone.ID); err != nil {
		d.wake() // it is tried again
		return nil, api.Errorf(api.CodeRootUnusable, "It is tried again every ten seconds: make room on the disk, and .botsync/network writable.",
			"%q is removed here, and the other devices cannot be told: %v", gone.Name, err)
	}
	d.log.Info("a device was removed", "peer", gone.Name, "device", gone.ID)
	return line, nil
}

// sayFarewell waits until a device that is removed has its removal, is connected no
// more, or has had its time.
func (d *daemon) sayFarewell(ctx context.Context, gone string) {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	m, _, _ := d.members.current()
	_ = d.bell.await(ctx, func() (bool, error) {
		if !d.peers.isAccepted(gone) {
			return true, nil
		}
		c, err := d.engine.Completion(gone, []string{recordsFolderID(m.Network)}, 0)
		return err == nil && c.Connected && c.Nothing(), nil
	})
}

// announce has the engine notice at once what was written to the records. Before
// that nobody can be told of it.
func (d *daemon) announce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, announcePatience)
	defer cancel()
	m, _, _ := d.members.current()
	return d.engine.Look(ctx, recordsFolderID(m.Network))
}

// canBeTold are those of the devices that are connected.
func (d *daemon) canBeTold(devices []api.Device) []api.Device {
	return slices.DeleteFunc(slices.Clone(devices), func(o api.Device) bool { return o.Stock || !d.peers.isAccepted(o.ID) })
}

// tell waits until devices that were connected have all records that are here, or ctx
// ends. It returns those that have. One that ends the connection
// because it has this device no more has, too: it follows from the record. If this
// device leaves, so has one that lets it in no more.
func (d *daemon) tell(ctx context.Context, to []api.Device, leaving bool) []api.Device {
	m, _, _ := d.members.current()
	if leaving {
		defer d.ringEvery(turnsAwayFor)() // nothing happens when that is over
	}
	told, had := []api.Device{}, receipts{}
	_ = d.bell.await(ctx, func() (bool, error) {
		told = told[:0]
		for _, o := range to {
			c, err := d.engine.Completion(o.ID, []string{recordsFolderID(m.Network)}, 0)
			if err == nil && had.note(o.ID, c) || d.peers.isDismissed(o.ID) || leaving && d.peers.turnsAway(o.ID, time.Now()) {
				told = append(told, o)
			}
		}
		return len(told) == len(to), nil
	})
	return told
}

// ringEvery rings the bell again and again, until stop is called.
func (d *daemon) ringEvery(interval time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var ringing sync.WaitGroup
	ringing.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				d.bell.ring()
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		ringing.Wait()
	}
}

// receipts are the devices that were seen to have everything.
type receipts map[string]bool

// note reports whether a device has everything, by what it lacks now. One that is
// not connected any more has if it had: another one may have lost the connection
// before it could read anything.
func (r receipts) note(id string, c engine.Completion) bool {
	if c.Connected {
		r[id] = c.Nothing()
	}
	return r[id]
}

func removedProblem() api.Problem {
	return api.Problem{Code: "removed", Message: "This device was removed from its network; nothing is synced any more.",
		Hint: `Its files stay. "botsync join" with a new code lets it in again, as a new device; "botsync leave" forgets the network.`}
}

// memberProblems are those of who belongs to the network.
func (d *daemon) memberProblems(bad []network.BadFile) []api.Problem {
	var out []api.Problem
	if r := d.members.removal(); r != nil {
		p := removedProblem()
		if by := d.members.device(r.RemovedBy); by.Name != "" && by.ID != d.members.self {
			p.Message = fmt.Sprintf("This device was removed from its network by %s; nothing is synced any more.", by.Name)
		}
		out = append(out, p)
	}
	for _, p := range d.refusing(refusalShown) {
		out = append(out, api.Problem{Code: "peer_refuses", Message: fmt.Sprintf("%s ends every connection at once: it may have removed this device, or not have heard of it yet.", p.Name),
			Hint: `See "botsync devices" there. If this device is no member any more, "botsync join" with a new code lets it in again.`})
	}
	for _, b := range bad {
		out = append(out, api.Problem{Code: "bad_record", Message: fmt.Sprintf("%q is ignored: %v", b.Path, b.Err),
			Hint: "Look at it in .botsync/network; removing it removes no device."})
	}
	if paths := d.members.repairs(time.Now()); len(paths) > 0 {
		out = append(out, api.Problem{Code: "record_restored", Message: fmt.Sprintf("%s: deleted or damaged, and put back.", someOf(paths)),
			Hint: `Leave .botsync/network alone; "botsync devices" adds, renames and removes devices.`})
	}
	return out
}

// refusing are the peers that have not wanted this device for at least that long.
func (d *daemon) refusing(lasting time.Duration) []api.Device {
	_, plan, _ := d.members.current()
	return slices.DeleteFunc(devices(plan), func(p api.Device) bool { return p.Stock || !d.peers.refuses(p.ID, lasting) })
}

// disowned reports whether this device seems to have been removed without having
// heard of it: some peer refuses it, and none accepts it.
func (d *daemon) disowned() bool {
	_, plan, _ := d.members.current()
	return len(d.refusing(0)) > 0 && !slices.ContainsFunc(plan, func(m network.Member) bool { return d.peers.isAccepted(m.ID) })
}

// someOf names the first of many files.
func someOf(paths []string) string {
	if more := len(paths) - shownNames; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(paths[:shownNames], ", "), more)
	}
	return strings.Join(paths, ", ")
}
