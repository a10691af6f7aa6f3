package daemon

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/pairing"
	"github.com/botsync/botsync/internal/root"
)

// recordsFolder is how the engine calls the hidden folder of device records. No
// folder of a user has such a name.
const recordsFolder = ".network"

// repairShown is for how long status tells of a record that was put back.
const repairShown = 10 * time.Minute

// members knows who belongs to the network. What it says is on disk.
type members struct {
	root  *root.Root
	store network.Store
	self  string // device ID

	disk sync.Mutex // held while files are written; before mu

	// mu is held for moments only: the engine's events wait for it. What it guards
	// is changed with disk held too, so that whoever holds disk can read it.
	mu         sync.Mutex
	membership network.Membership
	known      network.Known
	view       network.View
	addresses  map[string][]string // where devices say that they are
	bad        []network.BadFile
	present    map[string]bool // files that were there at the last look
	repaired   map[string]time.Time
}

func openMembers(r *root.Root, m network.Membership, self string) (*members, error) {
	ms := &members{root: r, store: openStore(r), self: self, membership: m, known: network.Known{}.Clone(), repaired: map[string]time.Time{}}
	if m.Network == "" {
		// What a join that was cut off may have left.
		return ms, ms.clear()
	}
	var err error
	ms.known, err = loadKnown(r, m)
	return ms, err
}

func openStore(r *root.Root) network.Store {
	return network.NewStore(r.NetworkDir(), func(id string) error {
		_, err := engine.ParseID(id)
		return err
	})
}

// knownPath is where this device keeps what it ever learnt of its network.
func knownPath(r *root.Root) string { return filepath.Join(r.StateDir(), "members.json") }

// reread takes up what is in the synced folder, puts back what is missing there,
// and makes the plan anew.
func (ms *members) reread() error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	if ms.membership.Network == "" {
		ms.see(network.View{}, network.Seen{}, nil, nil)
		return nil
	}
	if err := ms.store.Mark(); err != nil {
		return err
	}
	seen, err := ms.store.Read()
	if err != nil {
		return err
	}
	merged := network.Merge(ms.known, seen, ms.self)
	if merged.Changed {
		// Before anything follows from it: what is known is known for good.
		if err := ms.keep(merged.Known); err != nil {
			return err
		}
	}
	bad, repaired := merged.Bad, []string(nil)
	for _, f := range merged.Write {
		if err := ms.store.Write(f); err != nil {
			bad = append(bad, network.BadFile{Path: f.Path, Err: err})
		} else if ms.present[f.Path] && (!seen.Paths[f.Path] || seen.Damaged[f.Path]) {
			repaired = append(repaired, f.Path)
		}
		seen.Paths[f.Path] = true
	}
	for _, path := range merged.Remove {
		if err := ms.store.Remove(path); err != nil {
			bad = append(bad, network.BadFile{Path: path, Err: err})
		}
	}
	ms.see(network.Plan(merged.Known, ms.self), seen, bad, repaired)
	return nil
}

func (ms *members) see(view network.View, seen network.Seen, bad []network.BadFile, repaired []string) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.view, ms.addresses, ms.present, ms.bad = view, seen.Addresses, seen.Paths, bad
	for _, path := range repaired {
		ms.repaired[path] = time.Now()
	}
}

// keep must be called with disk held.
func (ms *members) keep(k network.Known) error {
	if err := k.Save(knownPath(ms.root), ms.membership.Network); err != nil {
		return err
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.known = k
	return nil
}

// learn changes what is known. The files follow with the next reread.
func (ms *members) learn(change func(network.Known) error) error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	k := ms.known.Clone()
	if err := change(k); err != nil {
		return err
	}
	return ms.keep(k)
}

// named is how this device is called in its network, or as it is configured while
// it is in none.
func (ms *members) named(configured string) string {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.view.Self != nil {
		return ms.view.Self.ShownName
	}
	return cmp.Or(ms.known.Records[ms.self].Name, configured)
}

// role is likewise what this device is for.
func (ms *members) role(configured api.Role) api.Role {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.view.Self != nil {
		return ms.view.Self.Role
	}
	return configured
}

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

// publish tells the peers where this device is.
func (ms *members) publish(addresses []string) error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	if ms.membership.Network == "" || !ms.known.Is(ms.self) {
		return nil
	}
	return ms.store.Write(network.AddressesFile(ms.self, addresses))
}

// published is what the peers were told of where this device is.
func (ms *members) published() []string {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if said, ok := ms.addresses[ms.self]; ok {
		return said
	}
	return ms.known.Records[ms.self].Addresses
}

func (ms *members) current() (network.Membership, []network.Member, []network.BadFile) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.membership, slices.Clone(ms.view.Members), slices.Clone(ms.bad)
}

// records are those of all who ever belonged, with their removals.
func (ms *members) records() network.Known {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.known.Clone()
}

// removal is that of this device, nil if it was not removed.
func (ms *members) removal() *network.Removal {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.view.Removal
}

// repairs are the files that were put back lately.
func (ms *members) repairs(now time.Time) []string {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	var out []string
	for path, at := range ms.repaired {
		if now.Sub(at) > repairShown {
			delete(ms.repaired, path)
		} else {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func (ms *members) pending() *network.Pending {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.membership.Pending
}

// device describes a device that is or was a member of the network; its ID alone
// if it never was.
func (ms *members) device(id string) *api.Device {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if s := ms.view.Self; s != nil && s.ID == id {
		d := shownAs(*s)
		return &d
	}
	for _, m := range ms.view.Members {
		if m.ID == id {
			d := shownAs(m)
			return &d
		}
	}
	r := ms.known.Records[id]
	return &api.Device{ID: id, Name: cmp.Or(ms.known.Facts[id][network.FactName].Value, r.Name)}
}

// author describes the member with the given short ID, nil if it is none.
func (ms *members) author(short string) *api.Device {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for _, m := range ms.view.Members {
		if engine.ShortID(m.ID) == short {
			d := shownAs(m)
			return &d
		}
	}
	return nil
}

// shownAs is a member as everybody outside of this package sees it.
func shownAs(m network.Member) api.Device {
	return api.Device{ID: m.ID, Name: m.ShownName, Role: m.Role, Stock: m.Stock}
}
