package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
)

// recordsFolder is how the engine calls the hidden folder of device records. No
// folder of a user has such a name.
const recordsFolder = ".network"

// members knows who belongs to the network. What it says is on disk.
type members struct {
	root  *root.Root
	store network.Store
	self  string // device ID

	disk sync.Mutex // held while files are written; before mu

	// mu is held for moments only: the engine's events wait for it.
	mu         sync.Mutex
	membership network.Membership
	plan       []network.Member
	name       string // of this device in its record; empty if it has none
	bad        []network.BadFile
}

func openMembers(r *root.Root, m network.Membership, self string) (*members, error) {
	ms := &members{root: r, store: network.NewStore(r.NetworkDir()), self: self, membership: m}
	if m.Network == "" {
		// What a join that was cut off may have left.
		if err := ms.store.Clear(); err != nil {
			return nil, err
		}
	}
	return ms, nil
}

// reread makes the plan anew from the records on disk.
func (ms *members) reread() error {
	records, removals, bad, err := ms.store.Read()
	if err != nil {
		return err
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.plan, ms.name = nil, nameIn(records, ms.self)
	for _, m := range network.Plan(records, removals, ms.self) {
		if _, err := engine.ParseID(m.ID); err != nil {
			bad = append(bad, network.BadFile{Path: "devices/" + m.ID + ".json", Err: err})
			continue
		}
		ms.plan = append(ms.plan, m)
	}
	ms.bad = bad
	return nil
}

// nameIn is the name that a device has in its record, empty if it has none.
func nameIn(records []network.Record, id string) string {
	if i := slices.IndexFunc(records, func(r network.Record) bool { return r.ID == id }); i >= 0 {
		return records[i].Name
	}
	return ""
}

// named is how this device is called: as its record says, which is written once,
// or as it is configured while it has none.
func (ms *members) named(configured string) string {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return cmp.Or(ms.name, configured)
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
	record := network.Record{ID: ms.self, Name: device.Name, Role: device.Role, Addresses: addresses,
		AddedBy: ms.self, AddedAt: time.Now()}
	if err := ms.store.Clear(); err != nil {
		return err
	}
	if err := ms.store.Add(record); err != nil {
		return err
	}
	return ms.save(network.Membership{Network: network.NewNetworkID(random)})
}

// adopt makes this device a member of another network, pending until it has been
// connected to the host. A crash in between leaves a pending join of which some
// records are missing; it is tried again or comes to nothing.
func (ms *members) adopt(m network.Membership, records []network.Record) error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	if err := ms.save(m); err != nil {
		return err
	}
	if err := ms.store.Clear(); err != nil {
		return err
	}
	for _, r := range records {
		if err := ms.store.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// admit adds a device that was let in here.
func (ms *members) admit(r network.Record, addresses []string) error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	if err := ms.store.Add(r); err != nil {
		return err
	}
	m := ms.membership
	m.Addresses = cloneAddresses(m.Addresses)
	m.Addresses[r.ID] = addresses
	return ms.save(m)
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

// leave belongs to no network any more. The records stay until clear.
func (ms *members) leave() error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	return ms.save(network.Membership{})
}

// clear removes the records of a network that was left. The engine must not
// share them any more, or it would tell the peers that they are gone.
func (ms *members) clear() error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	return ms.store.Clear()
}

// save must be called with disk held. Nobody else sets the membership, so that
// whoever holds disk can read it without mu.
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

func (ms *members) current() (network.Membership, []network.Member, []network.BadFile) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.membership, slices.Clone(ms.plan), slices.Clone(ms.bad)
}

func (ms *members) pending() *network.Pending {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.membership.Pending
}

// device describes a member of the network; its ID alone if it is none.
func (ms *members) device(id string) *api.Device {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for _, m := range ms.plan {
		if m.ID == id {
			return &api.Device{ID: id, Name: m.ShownName, Role: m.Role}
		}
	}
	return &api.Device{ID: id}
}

// author describes the member with the given short ID, nil if it is none.
func (ms *members) author(short string) *api.Device {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for _, m := range ms.plan {
		if engine.ShortID(m.ID) == short {
			return &api.Device{ID: m.ID, Name: m.ShownName, Role: m.Role}
		}
	}
	return nil
}

// solitude is what the engine is told while this device belongs to nobody.
func (d *daemon) solitude() engine.Settings {
	servers := d.engineServers()
	return engine.Settings{
		Name:             d.config.Name,
		LANOnly:          d.config.LANOnly,
		DiscoveryServers: servers.Discovery,
		Relays:           servers.Relays,
	}
}

// settings is what the engine should be told: the plan, and config.toml.
func (d *daemon) settings() engine.Settings {
	m, plan, _ := d.members.current()
	s := d.solitude()
	if m.Network == "" {
		return s
	}
	for _, name := range root.Folders {
		s.Folders = append(s.Folders, engine.Folder{ID: folderID(m.Network, name), Name: name, Path: d.root.Folder(name)})
	}
	s.Folders = append(s.Folders, engine.Folder{
		ID: folderID(m.Network, strings.TrimPrefix(recordsFolder, ".")), Name: recordsFolder, Path: d.root.NetworkDir()})
	for _, p := range plan {
		addresses := append(slices.Clone(m.Addresses[p.ID]), p.Addresses...)
		slices.Sort(addresses)
		s.Peers = append(s.Peers, engine.Peer{ID: p.ID, Name: p.ShownName, Addresses: slices.Compact(addresses)})
	}
	return s
}

// folderID is the same on every device of a network and on no other's.
func folderID(networkID, name string) string { return networkID + "-" + name }

// apply reads the records and tells the engine what they come to. A join whose
// host has accepted this device is complete then.
func (d *daemon) apply() error {
	d.applying.Lock() // the last to read the records is the last to apply them
	defer d.applying.Unlock()
	if p := d.members.pending(); p != nil && d.peers.isAccepted(p.Host) {
		if err := d.members.confirm(); err != nil {
			return err
		}
	}
	if err := d.members.reread(); err != nil {
		return err
	}
	if err := d.engine.Apply(d.settings()); err != nil {
		return err
	}
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
		return err
	}
	if err := d.members.adopt(m, records); err != nil {
		return err
	}
	return d.members.reread() // status shows it before the engine is told
}

// untilPendingEnds is how long to wait before dropPending is due.
func (d *daemon) untilPendingEnds() time.Duration {
	p := d.members.pending()
	if p == nil {
		return time.Hour
	}
	return max(time.Until(p.Until), time.Second) // a join may be trying it just now
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
	if err := d.members.leave(); err != nil {
		return err
	}
	if err := d.apply(); err != nil {
		return err
	}
	return d.members.clear()
}
