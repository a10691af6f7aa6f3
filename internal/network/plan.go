package network

import (
	"cmp"
	"slices"
	"strconv"
)

// Member is another device of the network, under the name by which this device
// shows it.
type Member struct {
	Record
	ShownName string // unique among the members: laptop, laptop-2
}

// Plan returns the devices that the engine should know as peers: those with a
// record and without a removal, but for self, sorted by when they were added.
// It is empty when self itself was removed. It depends on nothing but its
// arguments, whatever their order.
func Plan(records []Record, removals []Removal, self string) []Member {
	removed := make(map[string]bool, len(removals))
	for _, r := range removals {
		removed[r.ID] = true
	}
	if removed[self] {
		return nil
	}
	byAge := slices.Clone(records)
	slices.SortFunc(byAge, func(a, b Record) int {
		return cmp.Or(a.AddedAt.Compare(b.AddedAt), cmp.Compare(a.ID, b.ID))
	})
	var members []Member
	names := map[string]bool{}
	seen := map[string]bool{}
	for _, r := range byAge {
		if removed[r.ID] || seen[r.ID] || r.Validate() != nil {
			continue
		}
		seen[r.ID] = true
		name := unusedName(r.Name, names)
		names[name] = true
		if r.ID != self {
			members = append(members, Member{Record: r, ShownName: name})
		}
	}
	return members
}

func unusedName(name string, used map[string]bool) string {
	if !used[name] {
		return name
	}
	for i := 2; ; i++ {
		if numbered := name + "-" + strconv.Itoa(i); !used[numbered] {
			return numbered
		}
	}
}
