package daemon

import (
	"fmt"
	"path"
	"runtime"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/names"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
)

// tellSystem tells the network which system this device runs, if it is one that
// cannot hold every name, and reports whether it did. Nothing is said of the
// others, so that networks of them have nothing to write.
func (ms *members) tellSystem(system string) (bool, error) {
	ms.mu.Lock()
	said := ms.known.Facts[ms.self][network.FactSystem].Value == system
	member := ms.membership.Network != "" && ms.known.Is(ms.self)
	ms.mu.Unlock()
	if said || !member || !names.Folds(system) {
		return false, nil
	}
	return true, ms.learn(func(k network.Known) error { return k.Say(ms.self, network.FactSystem, system, ms.self) })
}

// thisSystem is the system that this device runs.
const thisSystem = runtime.GOOS

// nameProblems are names here that a device cannot hold for its system.
func (d *daemon) nameProblems(plan []network.Member, ids []string) []api.Problem {
	var out []api.Problem
	for _, m := range plan {
		if !names.Folds(m.System) {
			continue
		}
		var first string
		total := 0
		for i, id := range ids {
			bad, err := d.engine.Unholdable(id, m.System)
			if err != nil {
				continue // the folder says what is wrong
			}
			if total += len(bad); first == "" && len(bad) > 0 {
				first = path.Join(root.Folders[i], bad[0])
			}
		}
		if total > 0 {
			out = append(out, nameProblem(first, total, shownAs(m).Name, m.System))
		}
	}
	return out
}

func nameProblem(first string, total int, device, system string) api.Problem {
	why, _ := names.Unholdable(first, system)
	message := fmt.Sprintf("%s cannot be held by %s (%s): %s.", first, device, names.System(system), why.Text)
	if total > 1 {
		message = fmt.Sprintf("%d files cannot be held by %s (%s), the first: %s: %s.", total, device, names.System(system), first, why.Text)
	}
	return api.Problem{Code: "name_unholdable", Message: message, Hint: "Rename it here; the device gets the rest."}
}
