package doctor

import (
	"cmp"
	"fmt"
	"slices"
)

// names gives peers pseudonyms: peer-1, peer-2 and so on, in the order of their
// device IDs, so that two reports of one network call a device the same.
type names struct{ ids []string }

func newNames(f Facts) *names {
	n := &names{}
	for _, p := range f.Peers {
		n.ids = append(n.ids, p.ID)
	}
	slices.Sort(n.ids)
	return n
}

func (n *names) pseudonym(id string) string {
	return fmt.Sprintf("peer-%d", slices.Index(n.ids, id)+1)
}

// peer is the name of a peer.
func (n *names) peer(p Peer) text {
	return text{cmp.Or(p.Name, "a device without a name"), n.pseudonym(p.ID)}
}
