package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/pairing"
	"github.com/botsync/botsync/internal/root"
)

// IDs that have the right check characters.
const (
	selfID  = "MFZWI3D-BONSGYC-YLTMRWG-C43ENR5-QXGZDMM-FZWI3DP-BONSGYY-LTMRWAD"
	phoneID = "33L4RMI-DIVHRX7-BLMYYYC-C4GAIOX-DWHPKWL-HVOMZLA-PAZFVDY-O6RADAY"
	nasID   = "I3FSKGD-OLIFWER-TAOGTN4-CJIEIHS-RVOF6VQ-NTE6RVI-OA72ZKA-V5PANQB"
)

// founded is a root in a network of its own.
func founded(t *testing.T) *members {
	t.Helper()
	r, _, err := root.Create(t.TempDir(), root.Config{Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	ms, err := openMembers(r, network.Membership{}, selfID)
	if err != nil {
		t.Fatal(err)
	}
	if got := ms.named("first"); got != "first" {
		t.Errorf("without a network it is %q", got)
	}
	if err := ms.found(api.Device{ID: selfID, Name: "first"}, nil); err != nil {
		t.Fatal(err)
	}
	return ms
}

func reread(t *testing.T, ms *members) []network.Member {
	t.Helper()
	if err := ms.reread(); err != nil {
		t.Fatal(err)
	}
	_, plan, _ := ms.current()
	return plan
}

func guest(id, name string) network.Record {
	return network.Record{ID: id, Name: name, AddedBy: selfID, AddedAt: time.Now()}
}

func admit(t *testing.T, ms *members, id, name string) {
	t.Helper()
	if err := ms.admit(guest(id, name), []string{"tcp://192.0.2.1:1"}); err != nil {
		t.Fatal(err)
	}
}

// reopened is what a new process knows.
func reopened(t *testing.T, ms *members) *members {
	t.Helper()
	m, err := loadMembership(ms.root)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openMembers(ms.root, m, ms.self)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// A device is called as the others were told, whatever its settings say since.
func TestNameOfThisDevice(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	reread(t, ms)
	if got := ms.named("second"); got != "first" {
		t.Errorf("in a network it is %q", got)
	}
	if err := ms.learn(func(k network.Known) error { return k.Say(selfID, network.FactName, "third", selfID) }); err != nil {
		t.Fatal(err)
	}
	reread(t, ms)
	if got := ms.named("second"); got != "third" {
		t.Errorf("renamed it is %q", got)
	}
}

// A role that is changed in config.toml is told once; what is said later, by any
// device, stays.
func TestRoleOfThisDevice(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	tell := func(configured, want api.Role) {
		t.Helper()
		ms = reopened(t, ms)
		reread(t, ms)
		if err := ms.tellRole(configured); err != nil {
			t.Fatal(err)
		}
		reread(t, ms)
		if got := ms.role(configured); got != want {
			t.Fatalf("with %q in config.toml it is %q", configured, got)
		}
	}
	tell(api.RoleNone, api.RoleNone)
	tell(api.RoleAgent, api.RoleAgent)
	if err := ms.learn(func(k network.Known) error { return k.Say(selfID, network.FactRole, string(api.RoleHuman), nasID) }); err != nil {
		t.Fatal(err)
	}
	tell(api.RoleAgent, api.RoleHuman)
	tell(api.RoleNone, api.RoleNone)
}

// What is known survives the loss of everything in the synced folder, and of the
// process.
func TestRemovalSurvives(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	admit(t, ms, phoneID, "phone")
	admit(t, ms, nasID, "nas")
	if plan := reread(t, ms); len(plan) != 2 {
		t.Fatalf("plan: %+v", plan)
	}
	if err := ms.learn(func(k network.Known) error {
		k.Remove(network.Removal{ID: phoneID, RemovedBy: selfID, RemovedAt: time.Now()})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	// Killed before the file was written.
	ms = reopened(t, ms)
	if plan := reread(t, ms); len(plan) != 1 || plan[0].ID != nasID {
		t.Fatalf("plan: %+v", plan)
	}
	removal := filepath.Join(ms.root.NetworkDir(), "removed", phoneID+".json")
	if _, err := os.Stat(removal); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(ms.root.NetworkDir()); err != nil {
		t.Fatal(err)
	}
	if plan := reread(t, ms); len(plan) != 1 || plan[0].ID != nasID {
		t.Fatalf("plan: %+v", plan)
	}
	if _, err := os.Stat(removal); err != nil {
		t.Fatal(err)
	}
	if got := ms.repairs(time.Now()); !slices.Contains(got, "removed/"+phoneID+".json") || len(got) != 4 {
		t.Fatalf("repaired: %q", got)
	}
	if got := ms.repairs(time.Now().Add(repairShown + time.Second)); len(got) != 0 {
		t.Fatalf("for ever: %q", got)
	}
	var refused *pairing.RefusedError
	if err := ms.admit(guest(phoneID, "phone"), nil); !errors.As(err, &refused) || refused.Code != codeRemoved {
		t.Fatalf("let in again: %v", err)
	}
}

// A device that was removed while a guest is redeeming its invite lets nobody in,
// and has nothing to say to the network.
func TestRemovedHostAdmitsNobody(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	admit(t, ms, phoneID, "phone")
	reread(t, ms)
	file := network.Known{Removals: map[string]network.Removal{selfID: {ID: selfID, RemovedBy: phoneID}}}.RemovalFile(selfID)
	if err := ms.store.Write(file); err != nil { // it arrives
		t.Fatal(err)
	}
	if plan := reread(t, ms); len(plan) > 0 || ms.removal() == nil {
		t.Fatalf("plan: %+v", plan)
	}
	var refused *pairing.RefusedError
	if err := ms.admit(guest(nasID, "nas"), nil); !errors.As(err, &refused) || refused.Code != pairing.CodeState {
		t.Fatalf("let in: %v", err)
	}
	if _, err := os.Stat(filepath.Join(ms.root.NetworkDir(), "devices", nasID+".json")); err == nil {
		t.Fatal("it wrote a record")
	}
	if again := reopened(t, ms); again.admittable(nasID) == nil {
		t.Fatal("after a restart it would")
	}
}

// Nothing that is known of one network gets into another.
func TestNetworksAreApart(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	admit(t, ms, phoneID, "phone")
	reread(t, ms)
	other := network.Membership{Network: network.NewNetworkID([12]byte{9}), Pending: &network.Pending{Host: nasID, Until: time.Now().Add(time.Hour)}}
	// Killed when the other membership was written, and nothing else.
	if err := other.Save(ms.root.MembershipPath()); err != nil {
		t.Fatal(err)
	}
	if k := reopened(t, ms).records(); len(k.Records) != 0 {
		t.Fatalf("known of the other network: %+v", k)
	}
	if err := ms.adopt(other, []network.Record{guest(nasID, "nas"), guest(selfID, "me")}); err != nil {
		t.Fatal(err)
	}
	if plan := reread(t, ms); len(plan) != 1 || plan[0].ID != nasID {
		t.Fatalf("plan: %+v", plan)
	}
	if err := ms.leave(true); err != nil {
		t.Fatal(err)
	}
	if err := ms.clear(); err != nil {
		t.Fatal(err)
	}
	ms = reopened(t, ms)
	if plan := reread(t, ms); len(plan) > 0 || len(ms.records().Records) > 0 || !ms.membership.Spent {
		t.Fatalf("after it has left: %+v", plan)
	}
}

// An identity that was removed is replaced, once, whenever the process is killed.
func TestIdentityIsRenewed(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	r := ms.root
	before, err := engine.CreateIdentity(r.IdentityDir())
	if err != nil {
		t.Fatal(err)
	}
	m := network.Membership{Spent: true}
	if err := m.Save(r.MembershipPath()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(r.IdentityDir(), engine.CertFile)); err != nil { // killed in between
		t.Fatal(err)
	}
	if err := renewIdentity(r, &m); err != nil {
		t.Fatal(err)
	}
	after, err := engine.LoadIdentity(r.IdentityDir())
	if err != nil || after.ID == before.ID {
		t.Fatalf("it is %s as before, %v", after.ID, err)
	}
	if m, err = loadMembership(r); err != nil || m.Spent {
		t.Fatalf("it would be renewed again: %+v, %v", m, err)
	}
}

// Everybody shares the folders, and only devices that run botsync the records.
func TestSettingsOfStockDevices(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	admit(t, ms, phoneID, "phone")
	stock := guest(nasID, "nas")
	stock.Stock = true
	if err := ms.admit(stock, nil); err != nil {
		t.Fatal(err)
	}
	reread(t, ms)
	if err := ms.store.Write(network.AddressesFile(phoneID, []string{"tcp://198.51.100.1:1"})); err != nil {
		t.Fatal(err)
	}
	reread(t, ms)
	d := &daemon{root: ms.root, members: ms}
	s := d.settings()
	if len(s.Peers) != 2 || len(s.Folders) != 4 {
		t.Fatalf("settings: %+v", s)
	}
	for _, f := range s.Folders {
		want := []string(nil)
		if f.Name == recordsFolder {
			want = []string{phoneID}
		}
		if !slices.Equal(f.Only, want) {
			t.Errorf("%s is for %q", f.Name, f.Only)
		}
	}
	for _, p := range s.Peers {
		if want := []string{"tcp://192.0.2.1:1", "tcp://198.51.100.1:1"}; p.ID == phoneID && !slices.Equal(p.Addresses, want) {
			t.Errorf("the phone is sought at %q", p.Addresses)
		}
	}
}
