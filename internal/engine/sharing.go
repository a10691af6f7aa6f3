package engine

import (
	"errors"
	"fmt"

	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Sharing says whether a peer shares a folder with this device.
type Sharing int

// What can be known of that.
const (
	SharingUnknown Sharing = iota // the folder is stopped here, or about to start
	NotShared
	Shared
)

// Shares returns whether a peer shares a folder with this device, as it said when
// it connected last, or, if that is not known any more, whether it ever told what
// it has in it.
func (e *Engine) Shares(peer, folder string) (Sharing, error) {
	wrap := func(err error) error { return fmt.Errorf("reading what a peer shares: %w", err) }
	device, err := protocol.DeviceIDFromString(peer)
	if err != nil {
		return SharingUnknown, wrap(err)
	}
	c, err := e.model.Completion(device, folder)
	if isStopped(err) {
		return SharingUnknown, nil
	}
	if err != nil {
		return SharingUnknown, wrap(err)
	}
	switch c.RemoteState.String() {
	case "valid", "paused":
		return Shared, nil
	case "notSharing":
		return NotShared, nil
	}
	sequence, err := e.db.GetDeviceSequence(folder, device)
	if err != nil {
		return SharingUnknown, wrap(err)
	}
	if sequence > 0 {
		return Shared, nil
	}
	return NotShared, nil
}

// isStopped reports whether an error is of a folder that is about to start, or
// says itself what is wrong with it.
func isStopped(err error) bool {
	return errors.Is(err, model.ErrFolderMissing) || errors.Is(err, model.ErrFolderNotRunning) || errors.Is(err, model.ErrFolderPaused)
}
