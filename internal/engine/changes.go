package engine

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/protocol"
)

// Change is the latest entry of a file in the index of a folder. A file that
// changed again has another entry, with a higher sequence, and this one no more.
type Change struct {
	Sequence   int64
	Path       string // within the folder, slash-separated
	Symlink    bool
	Deleted    bool
	New        bool // it was not there before
	Touched    bool // its contents are what they were before
	Size       int64
	ModifiedBy string // short ID of the device that made the change, see ShortID
}

// index is what is read of Syncthing's database.
type index interface {
	AllLocalFilesBySequence(folder string, device protocol.DeviceID, start int64, limit int) (iter.Seq[protocol.FileInfo], func() error)
	GetDeviceSequence(folder string, device protocol.DeviceID) (int64, error)
	GetIndexID(folder string, device protocol.DeviceID) (protocol.IndexID, error)
	fileIndex
	Close() error
}

// ErrNoIndex says that a folder has not been indexed yet.
var ErrNoIndex = errors.New("the folder has no index yet")

// Index returns the ID of this device's index of a folder, and the sequence of
// its latest entry. An index that was made anew has another ID.
func (e *Engine) Index(folder string) (id string, sequence int64, err error) {
	indexID, err := e.db.GetIndexID(folder, protocol.LocalDeviceID)
	if err != nil {
		return "", 0, fmt.Errorf("reading the index of %s: %w", folder, err)
	}
	if indexID == 0 {
		return "", 0, ErrNoIndex
	}
	if sequence, err = e.db.GetDeviceSequence(folder, protocol.LocalDeviceID); err != nil {
		return "", 0, fmt.Errorf("reading the index of %s: %w", folder, err)
	}
	return indexID.String(), sequence, nil
}

// Changes returns entries of this device's index of a folder with sequences
// above after, in that order, and the sequence up to which it has looked: the
// same as after if there is no more. It looks at no more than limit entries;
// those of directories and of what is not synced are left out.
func (e *Engine) Changes(folder string, after int64, limit int) ([]Change, int64, error) {
	var out []Change
	entries, failed := e.db.AllLocalFilesBySequence(folder, protocol.LocalDeviceID, after+1, limit)
	for f := range entries {
		after = f.Sequence
		if f.IsDirectory() || f.IsInvalid() {
			continue
		}
		out = append(out, Change{
			Sequence: f.Sequence, Path: filepath.ToSlash(f.Name), Symlink: f.IsSymlink(), Deleted: f.Deleted,
			New:        !f.Deleted && len(f.PreviousBlocksHash) == 0,
			Touched:    !f.Deleted && len(f.BlocksHash) > 0 && bytes.Equal(f.BlocksHash, f.PreviousBlocksHash),
			Size:       f.Size,
			ModifiedBy: f.ModifiedBy.String(),
		})
	}
	if err := failed(); err != nil {
		return nil, after, fmt.Errorf("reading the index of %s: %w", folder, err)
	}
	return out, after, nil
}
