package engine

import (
	"fmt"

	"github.com/syncthing/syncthing/lib/protocol"
)

// Shares reports whether a peer shares a folder with this device, as it said when
// it connected last, or, if that is not known any more, whether it ever told what
// it has in it.
func (e *Engine) Shares(peer, folder string) (bool, error) {
	device, err := protocol.DeviceIDFromString(peer)
	if err != nil {
		return false, fmt.Errorf("reading what a peer shares: %w", err)
	}
	c, err := e.model.Completion(device, folder)
	if err != nil {
		return false, nil // the folder is about to start, or says itself what is wrong
	}
	switch c.RemoteState.String() {
	case "valid", "paused":
		return true, nil
	case "notSharing":
		return false, nil
	}
	sequence, err := e.db.GetDeviceSequence(folder, device)
	if err != nil {
		return false, fmt.Errorf("reading what a peer shares: %w", err)
	}
	return sequence > 0, nil
}
