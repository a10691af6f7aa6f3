package daemon

import (
	"fmt"
	"time"

	"github.com/botsync/botsync/internal/network"
)

// Any device merges that knows what the versions come from, and all make the same file.
// But if two do so while a program goes on writing on one of them, they make two files of
// which neither begins with the other. So one goes after the other: who made the version
// that has lost at once, the others in the order of their IDs, also if they had that
// version in place, which any number of them may have. Only those that
// come to nothing, the setting being unknown to them, are waited for in vain.

const (
	// mergeTurn is how long a device has before the next one does it.
	mergeTurn = 2 * mergePause
	// mergeTurns bounds how many are waited for.
	mergeTurns = 12
)

// arrival is when a conflict copy was first seen, of a version that was not made here.
type arrival struct {
	state string // its size and time
	at    time.Time
}

// errTurn says that it is the turn of other devices to merge a conflict.
type errTurn struct{ comes time.Time }

func (e errTurn) Error() string { return fmt.Sprintf("others come first, until %v", e.comes) }

// awaitMergeTurn returns an errTurn as long as others are to merge a conflict copy.
func (d *daemon) awaitMergeTurn(c *inConflict, v version, now time.Time) error {
	if v.mine {
		return nil
	}
	name, state := c.folder+"/"+v.path, fmt.Sprint(v.file.Size, v.file.Modified)
	came, ok := d.merger.came[name]
	if !ok || came.state != state {
		came = arrival{state, now}
		d.merger.came[name] = came
	}
	author := ""
	if v.author != nil {
		author = v.author.ID
	}
	_, members, _ := d.members.current()
	comes := came.at.Add(time.Duration(mergePlace(members, d.members.self, author)) * mergeTurn)
	if now.Before(comes) {
		return errTurn{comes}
	}
	return nil
}

// mergePlace is how many turns of others come first: that of who made the version that
// has lost, and those of the members with smaller IDs.
func mergePlace(members []network.Member, self, author string) int {
	place := 1
	for _, m := range members {
		if m.ID < self && m.ID != author {
			place++
		}
	}
	return min(place, mergeTurns)
}
