package engine

import (
	"errors"
	"testing"

	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// completing is a Syncthing that answers so when it is asked what a peer lacks.
type completing struct {
	model.Model
	err error
}

func (c completing) Completion(protocol.DeviceID, string) (model.FolderCompletion, error) {
	return model.FolderCompletion{}, c.err
}

// told is an index in which a peer has told that far.
type told struct {
	index
	sequence int64
	err      error
}

func (i told) GetDeviceSequence(string, protocol.DeviceID) (int64, error) { return i.sequence, i.err }

// A peer of which nothing can be known just now does not count as one that shares
// nothing.
func TestShares(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		answers error
		told    told
		want    Sharing
		err     error
	}{
		"the folder is stopped":        {model.ErrFolderNotRunning, told{sequence: 1}, SharingUnknown, nil},
		"it is paused":                 {model.ErrFolderPaused, told{}, SharingUnknown, nil},
		"it is about to start":         {model.ErrFolderMissing, told{}, SharingUnknown, nil},
		"the index cannot be read":     {broken, told{}, SharingUnknown, broken},
		"nor how far it goes":          {nil, told{err: broken}, SharingUnknown, broken},
		"not connected, it told once":  {nil, told{sequence: 1}, Shared, nil},
		"not connected, it never told": {nil, told{}, NotShared, nil},
	} {
		e := &Engine{model: completing{err: test.answers}, db: test.told}
		if got, err := e.Shares(peerID, "folder"); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := new(Engine).Shares("nonsense", "folder"); err == nil {
		t.Error("nonsense shares something")
	}
}
