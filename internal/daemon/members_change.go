package daemon

import (
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/pairing"
)

// tellRole tells the network of another role in config.toml than the one that it
// was told last. Whatever was said of this device in between, by any device, is
// older than that change.
func (ms *members) tellRole(configured api.Role) error {
	m, _, _ := ms.current()
	if m.Network == "" || m.Role == configured {
		return nil
	}
	if ms.role(configured) != configured {
		if err := ms.learn(func(k network.Known) error {
			return k.Say(ms.self, network.FactRole, string(configured), ms.self)
		}); err != nil {
			return err
		}
	}
	ms.disk.Lock()
	defer ms.disk.Unlock()
	m = ms.membership
	m.Role = configured
	return ms.save(m)
}

// found makes a new network with this device in it, unless there is one.
func (ms *members) found(device api.Device, addresses []string) error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	if ms.membership.Network != "" {
		return nil
	}
	var random [12]byte
	if _, err := rand.Read(random[:]); err != nil {
		return fmt.Errorf("making a network: %w", err)
	}
	return ms.start(network.Membership{Network: network.NewNetworkID(random), Role: device.Role}, []network.Record{{
		ID: ms.self, Name: device.Name, Role: device.Role, Addresses: addresses, AddedBy: ms.self, AddedAt: time.Now()}})
}

// adopt makes this device a member of another network, pending until it has been
// connected to the host. A crash in between leaves a pending join of which the
// records are missing; it is tried again or comes to nothing.
func (ms *members) adopt(m network.Membership, records []network.Record) error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	return ms.start(m, records)
}

// start must be called with disk held. The old records go first: nothing of one
// network may get into another.
func (ms *members) start(m network.Membership, records []network.Record) error {
	for _, r := range records {
		if err := r.Validate(); err != nil {
			return fmt.Errorf("adding device record: %w", err)
		}
	}
	if err := ms.store.Clear(); err != nil {
		return err
	}
	if err := ms.save(m); err != nil {
		return err
	}
	k := network.Known{}.Clone()
	for _, r := range records {
		k.Add(r)
	}
	return ms.keep(k)
}

// admit adds a device that was let in here. It refuses one that was removed, and
// any once this device itself was.
func (ms *members) admit(r network.Record, addresses []string) error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	if err := r.Validate(); err != nil {
		return fmt.Errorf("adding device record: %w", err)
	}
	if err := ms.admits(r.ID); err != nil {
		return err
	}
	k := ms.known.Clone()
	k.Add(r)
	if err := ms.keep(k); err != nil || len(addresses) == 0 {
		return err
	}
	m := ms.membership
	m.Addresses = cloneAddresses(m.Addresses)
	m.Addresses[r.ID] = addresses
	return ms.save(m)
}

// codeRemoved tells a guest that it needs another identity.
const codeRemoved = "removed"

// admits says why a device cannot be let in, nil if it can. It must be called with
// disk or mu held.
func (ms *members) admits(id string) error {
	if _, removed := ms.known.Removals[ms.self]; removed || ms.membership.Network == "" {
		return &pairing.RefusedError{Code: pairing.CodeState, Message: "the other side is in its network no more"}
	}
	if _, removed := ms.known.Removals[id]; removed {
		return &pairing.RefusedError{Code: codeRemoved, Message: "this device was removed from the network, and needs another identity"}
	}
	return nil
}

// confirm ends a pending join: host and guest have each other.
func (ms *members) confirm() error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	if ms.membership.Pending == nil {
		return nil
	}
	m := ms.membership
	m.Joined = &network.Joined{Host: m.Pending.Host, Label: m.Pending.Label}
	m.Pending = nil
	return ms.save(m)
}

// leave belongs to no network any more. The records stay until clear. spent says
// that the identity was removed from it, and cannot be used again.
func (ms *members) leave(spent bool) error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	return ms.save(network.Membership{Spent: spent})
}

// clear removes the records of a network that was left. The engine must not
// share them any more, or it would tell the peers that they are gone.
func (ms *members) clear() error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	if err := ms.store.Clear(); err != nil {
		return err
	}
	if err := os.Remove(knownPath(ms.root)); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("clearing device records: %w", err)
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.known = network.Known{}.Clone()
	return nil
}

// save must be called with disk held.
func (ms *members) save(m network.Membership) error {
	if err := m.Save(ms.root.MembershipPath()); err != nil {
		return err
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.membership = m
	return nil
}

func cloneAddresses(in map[string][]string) map[string][]string {
	out := make(map[string][]string, len(in)+1)
	for id, a := range in {
		out[id] = a
	}
	return out
}
