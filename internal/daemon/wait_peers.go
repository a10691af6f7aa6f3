package daemon

import (
	"slices"
	"strings"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/network"
)

// leastID is how much of a device ID has to be given.
const leastID = 4

// choose finds the devices that are meant by names: the name of one, or the
// beginning of its ID.
func choose(names []string, self api.Device, peers []api.Device) ([]api.Device, error) {
	var out []api.Device
	for _, name := range names {
		found := match(name, peers)
		switch {
		case len(found) == 1:
			if !slices.Contains(out, found[0]) {
				out = append(out, found[0])
			}
		case len(found) > 1:
			return nil, api.Errorf(api.CodeUsage, "Give more of the ID of one of them: "+describe(found)+".",
				"%q can mean %d devices", name, len(found))
		case len(match(name, []api.Device{self})) > 0:
			return nil, api.Errorf(api.CodeUsage, known(peers), "%q is this device", name)
		default:
			return nil, api.Errorf(api.CodeUsage, known(peers), "there is no device %q", name)
		}
	}
	return out, nil
}

// match returns the devices that a name can mean: those that are called so, else
// those that are called so but for the case, else those whose ID begins with it.
func match(name string, devices []api.Device) []api.Device {
	rules := []func(api.Device) bool{
		func(d api.Device) bool { return d.Name == name },
		func(d api.Device) bool { return strings.EqualFold(d.Name, name) },
		func(d api.Device) bool {
			id := strings.ToUpper(strings.ReplaceAll(name, "-", ""))
			return len(id) >= leastID && strings.HasPrefix(strings.ReplaceAll(d.ID, "-", ""), id)
		},
	}
	for _, rule := range rules {
		var found []api.Device
		for _, d := range devices {
			if name != "" && rule(d) {
				found = append(found, d)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

func known(peers []api.Device) string {
	if len(peers) == 0 {
		return `There is no other device; run "botsync invite" to add one.`
	}
	return "There are " + describe(peers) + "."
}

func describe(devices []api.Device) string {
	parts := make([]string, len(devices))
	for i, d := range devices {
		id, _, _ := strings.Cut(d.ID, "-")
		parts[i] = d.Name + " (" + id + ")"
	}
	return strings.Join(parts, ", ")
}

// devices are the members of a plan.
func devices(plan []network.Member) []api.Device {
	out := make([]api.Device, len(plan))
	for i, m := range plan {
		out[i] = shownAs(m)
	}
	return out
}

// awaited are the peers that are meant by names, none if there are no names.
func (d *daemon) awaited(names []string) ([]api.Device, error) {
	_, plan, _ := d.members.current()
	if len(plan) == 0 {
		return nil, noPeers()
	}
	return choose(names, d.self(), devices(plan))
}
