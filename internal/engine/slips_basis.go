package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"iter"

	"github.com/syncthing/syncthing/lib/protocol"
)

// isSlip reports whether the entry of a peer is a slip. Such an entry is invalid
// and has no version, see model.prepareFileInfoForIndex.
func isSlip(theirs protocol.FileInfo) bool { return theirs.IsInvalid() && theirs.Version.IsEmpty() }

// replaced reports whether a slip was made of a version: the peer had that, and
// keeps what it made of it. Times prove nothing here: a clock is late, a file is
// given the time of another, and a change may be found long after a version that
// its device has yet to hear of. So without the word of the peer it did not.
func replaced(theirs protocol.FileInfo, v FileVersion) bool {
	said := theirs.PreviousBlocksHash
	if !isSlip(theirs) || len(said) == 0 {
		return false
	}
	// A Syncthing without botsync tells the contents that a change replaced. In a
	// deletion those are of what the deleted version itself replaced.
	return bytes.Equal(said, basis(v.vector)) || !theirs.IsDeleted() && bytes.Equal(said, v.hash)
}

// basis stands for a version in the entry of a slip that was made of it, nil for
// none. Syncthing takes the version out of such an entry, and leaves of what was
// there before only the hash of the contents, which says nothing after a second
// change, nor of what has no contents.
func basis(v protocol.Vector) []byte {
	if v.IsEmpty() {
		return nil
	}
	data := []byte("botsync/slip/1")
	for _, c := range v.Counters { // they are kept by ID
		data = binary.BigEndian.AppendUint64(data, uint64(c.ID))
		data = binary.BigEndian.AppendUint64(data, c.Value)
	}
	sum := sha256.Sum256(data)
	return sum[:]
}

// senderIndex is what is read of Syncthing's database to tell a peer what changed
// here.
type senderIndex interface {
	AllLocalFilesBySequence(folder string, device protocol.DeviceID, startSeq int64, limit int) (iter.Seq[protocol.FileInfo], func() error)
	GetDeviceFile(folder string, device protocol.DeviceID, file string) (protocol.FileInfo, bool, error)
	GetGlobalFile(folder string, file string) (protocol.FileInfo, bool, error)
}

// tellBases puts into the slips among entries that are about to be sent which
// version they were made of: the latest that is known here, or none, if this
// device has yet to get that. Where no version is known the hash of the contents
// stays. Nobody else reads the field of such an entry, as it is invalid and
// therefore never pulled.
func tellBases(index senderIndex, folder string, entries []protocol.FileInfo) error {
	for i := range entries {
		f := &entries[i]
		if !f.IsReceiveOnlyChanged() {
			continue
		}
		global, ok, err := index.GetGlobalFile(folder, f.Name)
		if err != nil {
			return err
		}
		if !ok || global.IsInvalid() {
			continue // nobody has told of it yet
		}
		f.PreviousBlocksHash = nil
		// The entry has lost its version already, or will.
		here, ok, err := index.GetDeviceFile(folder, protocol.LocalDeviceID, f.Name)
		if err != nil {
			return err
		}
		// What changed since is sent after this.
		if ok && here.Sequence == f.Sequence && here.Version.GreaterEqual(global.Version) {
			f.PreviousBlocksHash = basis(global.Version)
		}
	}
	return nil
}
