package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
)

// solitude is what the engine is told while this device belongs to nobody.
func (d *daemon) solitude() engine.Settings {
	servers := d.engineServers()
	return engine.Settings{
		Name:             d.members.named(d.config.Name),
		LANOnly:          d.config.LANOnly,
		DiscoveryServers: servers.Discovery,
		Relays:           servers.Relays,
		Brake:            engine.BrakeLimits{Off: !d.config.Brake.Enabled, Files: d.config.Brake.Files, Share: d.config.Brake.Share},
	}
}

// settings is what the engine should be told: the plan, and config.toml.
func (d *daemon) settings() engine.Settings {
	m, plan, _ := d.members.current()
	s := d.solitude()
	if m.Network == "" {
		return s
	}
	role := d.members.role(d.config.Role)
	for _, name := range root.Folders {
		s.Folders = append(s.Folders, engine.Folder{ID: folderID(m.Network, name), Name: name, Path: d.root.Folder(name), ReceiveOnly: role.ReceiveOnly(name), Brake: true, Ignores: true})
	}
	records := engine.Folder{ID: recordsFolderID(m.Network), Name: recordsFolder, Path: d.root.NetworkDir(), Only: []string{}}
	for _, p := range plan {
		s.Peers = append(s.Peers, engine.Peer{ID: p.ID, Name: p.ShownName, Addresses: d.members.whereabouts(p, m), Stock: p.Stock})
		if !p.Stock {
			records.Only = append(records.Only, p.ID)
		}
	}
	slices.Sort(records.Only)
	s.Folders = append(s.Folders, records)
	return s
}

// whereabouts are all addresses at which a peer was or says that it is.
func (ms *members) whereabouts(p network.Member, m network.Membership) []string {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	addresses := slices.Concat(ms.addresses[p.ID], m.Addresses[p.ID], p.Addresses)
	slices.Sort(addresses)
	return slices.Compact(addresses)
}

// folderID is the same on every device of a network and on no other's.
func folderID(networkID, name string) string { return networkID + "-" + name }

func recordsFolderID(networkID string) string {
	return folderID(networkID, strings.TrimPrefix(recordsFolder, "."))
}

// apply reads the records and tells the engine what they come to. A join whose
// host has accepted this device is complete then.
func (d *daemon) apply() error {
	d.applying.Lock() // the last to read the records is the last to apply them
	defer d.applying.Unlock()
	return d.applyHeld()
}

// applyHeld is apply for those who hold applying.
func (d *daemon) applyHeld() error {
	if p := d.members.pending(); p != nil && d.peers.isAccepted(p.Host) {
		if err := d.members.confirm(); err != nil {
			return err
		}
	}
	_, before := d.members.untilRewrite(time.Now())
	if err := d.members.reread(); err != nil {
		return err
	}
	if told, err := d.members.tellSystem(thisSystem); err != nil {
		d.log.Warn("telling the network of this system", "error", err) // it works without
	} else if told {
		if err := d.members.reread(); err != nil {
			return err
		}
	}
	if _, now := d.members.untilRewrite(time.Now()); now && !before {
		d.wake() // so that tend waits for that
	}
	if err := d.engine.Apply(d.settings()); err != nil {
		return explain(d.root, err) // there may be no room for the index of a new folder
	}
	d.keepRole()
	d.recorder.note() // there may be somebody new
	return nil
}

// adopt makes this device a member of another network. The engine may share the
// records of an earlier attempt already: it must neither tell the host that they
// were deleted nor keep versions of them that compete with the host's.
func (d *daemon) adopt(m network.Membership, records []network.Record) error {
	d.applying.Lock()
	defer d.applying.Unlock()
	if err := d.engine.Apply(d.solitude()); err != nil {
		return explain(d.root, err)
	}
	if err := d.members.adopt(m, records); err != nil {
		return err
	}
	return d.members.reread() // status shows it before the engine is told
}

// untilDue is how long to wait before doDue has something to do.
func (d *daemon) untilDue() time.Duration {
	wait := time.Hour
	if p := d.members.pending(); p != nil {
		wait = max(time.Until(p.Until), time.Second) // a join may be trying it just now
	}
	if left, some := d.members.untilRewrite(time.Now()); some {
		wait = min(wait, left)
	}
	return wait
}

// doDue writes what could not be written before, and ends a join that came to
// nothing.
func (d *daemon) doDue() error {
	var err error
	if left, some := d.members.untilRewrite(time.Now()); some && left == 0 {
		err = d.apply()
	}
	return errors.Join(err, d.dropPending())
}

// dropPending forgets a join whose time has passed without a connection.
func (d *daemon) dropPending() error {
	p := d.members.pending()
	if p == nil || time.Now().Before(p.Until) || !d.joins.begin(context.Background()) {
		return nil
	}
	defer d.joins.done()
	d.log.Info("a join came to nothing")
	return d.leave()
}

// leave belongs to no network any more. Files of the user stay.
func (d *daemon) leave() error {
	if err := d.members.leave(false); err != nil {
		return err
	}
	if err := d.apply(); err != nil {
		return err
	}
	return d.members.clear()
}
