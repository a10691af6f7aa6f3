package engine

import (
	"slices"

	"github.com/syncthing/syncthing/lib/config"
)

// sharers are those of all members that share the folder; the first of them is
// this device.
func (f Folder) sharers(members []config.FolderDeviceConfiguration) []config.FolderDeviceConfiguration {
	if f.Only == nil {
		return members
	}
	only := make(map[string]bool, len(f.Only))
	for _, id := range f.Only {
		only[id] = true
	}
	out := slices.Clone(members[:1])
	for _, m := range members[1:] {
		if only[m.DeviceID.String()] {
			out = append(out, m)
		}
	}
	return out
}
