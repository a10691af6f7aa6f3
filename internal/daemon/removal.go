package daemon

import (
	"fmt"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/network"
)

// admittable says why a device cannot be let in now, nil if it can.
func (ms *members) admittable(id string) error {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.admits(id)
}

func removedProblem() api.Problem {
	return api.Problem{Code: "removed", Message: "This device was removed from its network; nothing is synced any more.",
		Hint: `Its files stay. "botsync join" with a new code lets it in again, as a new device; "botsync leave" forgets the network.`}
}

// memberProblems are those of the device records.
func (d *daemon) memberProblems(bad []network.BadFile) []api.Problem {
	var out []api.Problem
	if d.members.removal() != nil {
		out = append(out, removedProblem())
	}
	for _, b := range bad {
		out = append(out, api.Problem{Code: "bad_record", Message: fmt.Sprintf("%q is ignored: %v", b.Path, b.Err),
			Hint: "Look at it in .botsync/network; removing it removes no device."})
	}
	for _, path := range d.members.repairs(time.Now()) {
		out = append(out, api.Problem{Code: "record_restored", Message: fmt.Sprintf("%q was deleted or damaged, and has been put back.", path),
			Hint: `Leave .botsync/network alone; "botsync devices" adds, renames and removes devices.`})
	}
	return out
}
