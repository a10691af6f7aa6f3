package network

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPlanNamesMembersApart(t *testing.T) {
	t.Parallel()
	other := record(4)
	other.Name = "laptop-2"
	got := Plan([]Record{record(3), record(2), record(1), other}, nil, deviceID(1))
	var names []string
	for _, m := range got {
		names = append(names, m.ShownName)
	}
	// The oldest, this device itself, is "laptop".
	if want := []string{"laptop-2", "laptop-3", "laptop-2-2"}; !slices.Equal(names, want) {
		t.Fatalf("got %q, want %q", names, want)
	}
}

func TestPlanProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.IntRange(1, 12), 0, 20).Draw(t, "records")
		gone := rapid.SliceOfN(rapid.IntRange(1, 12), 0, 6).Draw(t, "removals")
		self := deviceID(rapid.IntRange(1, 12).Draw(t, "self"))
		var records []Record
		for _, id := range ids {
			records = append(records, record(id))
		}
		removed := map[string]bool{}
		var removals []Removal
		for _, id := range gone {
			removals = append(removals, Removal{ID: deviceID(id)})
			removed[deviceID(id)] = true
		}
		plan := Plan(records, removals, self)

		seen, names := map[string]bool{}, map[string]bool{}
		for _, m := range plan {
			switch {
			case m.ID == self:
				t.Fatal("a device is its own peer")
			case removed[m.ID]:
				t.Fatalf("%s was removed", m.ID)
			case seen[m.ID]:
				t.Fatalf("%s is there twice", m.ID)
			case names[m.ShownName]:
				t.Fatalf("two devices are called %s", m.ShownName)
			case !slices.ContainsFunc(records, func(r Record) bool { return r.ID == m.ID }):
				t.Fatalf("%s has no record", m.ID)
			}
			seen[m.ID], names[m.ShownName] = true, true
		}
		if removed[self] {
			if len(plan) > 0 {
				t.Fatal("a removed device still knows peers")
			}
			return
		}
		for _, r := range records {
			if r.ID != self && !removed[r.ID] && !seen[r.ID] {
				t.Fatalf("%s is missing", r.ID)
			}
		}
		// The order in which records arrive does not matter, nor do repetitions.
		shuffled := append(slices.Clone(records), records...)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if diff := cmp.Diff(plan, Plan(shuffled, append(removals, removals...), self)); diff != "" {
			t.Fatal(diff)
		}
	})
}
