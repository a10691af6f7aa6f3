package network

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/botsync/botsync/internal/api"
)

// Member is a device of the network, with the name and role that it has now, and
// under the name by which it is shown.
type Member struct {
	Record
	ShownName string // unique among the members: laptop, laptop-2
	System    string // what it said of its operating system, see [FactSystem]; it can be anything
}

// View is a network as one of its devices sees it.
type View struct {
	Members []Member // the others, those that were added first first
	Self    *Member  // nil if this device has no record, or was removed
	Removal *Removal // of this device; nil if it was not
}

// Plan returns who belongs to the network: the devices with a record and without
// a removal. The engine has to know the Members as peers, and nobody else; there
// are none when self was removed. It depends on nothing but its arguments, and
// names and order are the same on every device that knows the same.
func Plan(known Known, self string) View {
	if removal, ok := known.Removals[self]; ok {
		return View{Removal: &removal}
	}
	byAge := make([]Record, 0, len(known.Records))
	for id, r := range known.Records {
		if r.ID == id && known.Is(id) && r.Validate() == nil {
			byAge = append(byAge, r)
		}
	}
	slices.SortFunc(byAge, func(a, b Record) int {
		return cmp.Or(a.AddedAt.Compare(b.AddedAt), cmp.Compare(a.ID, b.ID))
	})
	view := View{Members: make([]Member, 0, len(byAge))}
	names := uniqueNames{}
	for _, r := range byAge {
		facts := known.Facts[r.ID]
		if name := facts[FactName].Value; ValidName(name) {
			r.Name = name
		}
		if f, ok := facts[FactRole]; ok && api.Role(f.Value).Valid() {
			r.Role = api.Role(f.Value)
		}
		m := Member{Record: r, ShownName: names.take(r.Name), System: facts[FactSystem].Value}
		if r.ID == self {
			view.Self = &m
		} else {
			view.Members = append(view.Members, m)
		}
	}
	return view
}

// uniqueNames are the names that were given, each with the number to try next.
type uniqueNames map[string]int

func (names uniqueNames) take(name string) string {
	next, used := names[name]
	if !used {
		names[name] = 2
		return name
	}
	for ; ; next++ {
		numbered := name + "-" + strconv.Itoa(next)
		if _, used := names[numbered]; !used {
			names[name], names[numbered] = next+1, 2
			return numbered
		}
	}
}
