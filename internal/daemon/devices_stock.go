package daemon

import (
	"fmt"

	"github.com/botsync/botsync/internal/api"
)

// unshared is why a Syncthing without botsync does not get anything.
const unshared = "no folder has been accepted there"

func unsharedProblem(p api.Device) api.Problem {
	return api.Problem{Code: "not_shared", Message: fmt.Sprintf("%s is connected, but shares no folder with this device.", p.Name),
		Hint: fmt.Sprintf("Accept the folders in its Syncthing; \"botsync devices add %s --name %s\" says once more how.", p.ID, p.Name)}
}

// sharedBy are those of the folders that a peer shares. A device with botsync
// shares all of them; what a person has set up elsewhere may be less, and what is
// not shared is not lacking.
func (d *daemon) sharedBy(stock bool, id string, folders []string) ([]string, error) {
	if !stock {
		return folders, nil
	}
	shared := []string{}
	for _, f := range folders {
		ok, err := d.engine.Shares(id, f)
		if err != nil {
			return nil, err
		}
		if ok {
			shared = append(shared, f)
		}
	}
	return shared, nil
}
