package daemon

import (
	"fmt"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
)

// unshared is why a Syncthing without botsync does not get anything.
const unshared = "no folder has been accepted there"

func unsharedProblem(p api.Device) api.Problem {
	return api.Problem{Code: "not_shared", Message: fmt.Sprintf("%s is connected, but shares no folder with this device.", p.Name),
		Hint: fmt.Sprintf("Accept the folders in its Syncthing; \"botsync devices add %s --name %s\" says once more how.", p.ID, p.Name)}
}

// sharedBy are those of the folders that a peer shares. A device with botsync
// shares all of them; what a person has set up elsewhere may be less, and what is
// not shared is not lacking. As long as it is not known of some, there may be more.
func (d *daemon) sharedBy(stock bool, id string, folders []string) (shared []string, known bool, err error) {
	if !stock {
		return folders, true, nil
	}
	return sharedOf(folders, func(f string) (engine.Sharing, error) { return d.engine.Shares(id, f) })
}

func sharedOf(folders []string, shares func(folder string) (engine.Sharing, error)) (shared []string, known bool, err error) {
	shared, known = []string{}, true
	for _, f := range folders {
		switch s, err := shares(f); {
		case err != nil:
			return nil, false, err
		case s == engine.Shared:
			shared = append(shared, f)
		case s == engine.SharingUnknown:
			known = false
		}
	}
	return shared, known, nil
}
