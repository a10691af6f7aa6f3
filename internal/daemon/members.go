package daemon

import (
	"cmp"
	"path/filepath"
	"slices"
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

// repairShown is for how long status tells of a record that was put back.
const repairShown = 10 * time.Minute

// rewriteEvery is how long after a file could not be written that is tried again.
const rewriteEvery = 10 * time.Second

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
	clocks     map[string]network.Clock
	clocksAt   time.Time // when they were read
	bad        []network.BadFile
	present    map[string]bool // files that were there at the last look
	repaired   map[string]time.Time
	unwritten  map[string]error // files that the others lack, and why they could not be written
	rewriteAt  time.Time        // when that is tried again
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
		ms.see(network.View{}, network.Seen{}, nil, nil, nil)
		return nil
	}
	if err := ms.store.Mark(); err != nil {
		return err
	}
	seen, err := ms.store.Read(ms.known)
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
	ms.write(merged, seen)
	return nil
}

// write must be called with disk held.
func (ms *members) write(merged network.Merged, seen network.Seen) {
	bad, repaired, unwritten := merged.Bad, []string(nil), map[string]error{}
	for _, f := range merged.Write {
		if err := ms.store.Write(f); err != nil {
			bad = append(bad, network.BadFile{Path: f.Path, Err: err})
			unwritten[f.Path] = err
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
	ms.see(network.Plan(merged.Known, ms.self), seen, bad, repaired, unwritten)
}

func (ms *members) see(view network.View, seen network.Seen, bad []network.BadFile, repaired []string, unwritten map[string]error) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.view, ms.addresses, ms.present, ms.bad = view, seen.Addresses, seen.Paths, bad
	ms.clocks, ms.clocksAt = seen.Clocks, time.Now()
	ms.unwritten, ms.rewriteAt = unwritten, time.Now().Add(rewriteEvery)
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

// spread says why the others cannot learn of a removal from here, nil if they can.
func (ms *members) spread(removed string) error {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.unwritten[ms.known.RemovalFile(removed).Path]
}

// untilRewrite is how long to wait before what could not be written is tried again;
// false if all is written.
func (ms *members) untilRewrite(now time.Time) (time.Duration, bool) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return max(ms.rewriteAt.Sub(now), 0), len(ms.unwritten) > 0
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
