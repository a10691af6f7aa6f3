package network

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/api"
)

// knownOf is a Known of these records.
func knownOf(records ...Record) Known {
	k := Known{}.Clone()
	for _, r := range records {
		k.Add(r)
	}
	return k
}

func shown(v View) []string {
	var names []string
	for _, m := range v.Members {
		names = append(names, m.ShownName)
	}
	return names
}

func TestPlanNamesMembersApart(t *testing.T) {
	t.Parallel()
	other := record(4)
	other.Name = "laptop-2"
	known := knownOf(record(3), record(2), record(1), other)
	view := Plan(known, deviceID(1))
	if want := []string{"laptop-2", "laptop-3", "laptop-2-2"}; !slices.Equal(shown(view), want) {
		t.Fatalf("got %q, want %q", shown(view), want)
	}
	if view.Self == nil || view.Self.ShownName != "laptop" {
		t.Fatalf("the oldest, this device itself, is %+v", view.Self)
	}
	// Every device shows all by the same names.
	if view = Plan(known, deviceID(3)); view.Self.ShownName != "laptop-3" || view.Members[0].ShownName != "laptop" {
		t.Fatalf("another one shows %q and itself as %q", shown(view), view.Self.ShownName)
	}
}

func TestPlanTakesWhatWasSaidSince(t *testing.T) {
	t.Parallel()
	known := knownOf(record(1), record(2))
	for _, f := range []struct{ kind, value string }{{FactName, "desk"}, {FactRole, string(api.RoleAgent)}} {
		if err := known.Say(deviceID(2), f.kind, f.value, deviceID(1)); err != nil {
			t.Fatal(err)
		}
	}
	m := Plan(known, deviceID(1)).Members[0]
	if m.ShownName != "desk" || m.Name != "desk" || m.Role != api.RoleAgent {
		t.Fatalf("got %+v", m)
	}
	// What makes no sense is as if nobody had said it.
	for kind, value := range map[string]string{FactName: " ", FactRole: "king"} {
		if err := known.Say(deviceID(2), kind, value, deviceID(1)); err != nil {
			t.Fatal(err)
		}
	}
	if m = Plan(known, deviceID(1)).Members[0]; m.Name != "laptop" || m.Role != api.RoleNone {
		t.Fatalf("got %+v", m)
	}
}

func TestPlanProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		known := Known{}.Clone()
		for _, id := range rapid.SliceOfN(rapid.IntRange(1, 12), 0, 20).Draw(t, "records") {
			known.Add(record(id))
		}
		for _, id := range rapid.SliceOfN(rapid.IntRange(1, 12), 0, 6).Draw(t, "removals") {
			known.Remove(Removal{ID: deviceID(id)})
		}
		self := deviceID(rapid.IntRange(1, 12).Draw(t, "self"))
		view := Plan(known, self)
		if _, removed := known.Removals[self]; removed {
			if view.Removal == nil || view.Self != nil || len(view.Members) > 0 {
				t.Fatalf("a removed device sees %+v", view)
			}
			return
		}
		names := map[string]bool{}
		var ids []string
		all := view.Members
		if view.Self != nil {
			names[view.Self.ShownName] = true
		}
		for _, m := range all {
			if m.ID == self || !known.Is(m.ID) || names[m.ShownName] {
				t.Fatalf("%s is planned as %q", m.ID, m.ShownName)
			}
			names[m.ShownName] = true
			ids = append(ids, m.ID)
		}
		slices.Sort(ids)
		for _, id := range slices.Sorted(maps.Keys(known.Records)) {
			if _, found := slices.BinarySearch(ids, id); id != self && known.Is(id) && !found {
				t.Fatalf("%s is missing", id)
			}
		}
	})
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		for _, names := range []string{"different", "equal"} {
			known := Known{}.Clone()
			for i := range n {
				r := record(i)
				r.Addresses = []string{"tcp://192.0.2.1:22000", "quic://192.0.2.1:22000", "tcp://[2001:db8::1]:22000"}
				if names == "different" {
					r.Name += strconv.Itoa(i)
				}
				known.Add(r)
			}
			b.Run(strconv.Itoa(n)+" members with "+names+" names", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if got := Plan(known, deviceID(0)); len(got.Members) != n-1 {
						b.Fatal(len(got.Members))
					}
				}
			})
		}
	}
}
