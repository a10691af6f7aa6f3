package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"sync"

	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/syncthing"
)

// Change is the latest entry of a file in the index of a folder. A file that
// changed again has another entry, with a higher sequence, and this one no more.
type Change struct {
	Sequence   int64
	Path       string // within the folder, slash-separated
	Symlink    bool
	Deleted    bool
	Size       int64
	ModifiedBy string // short ID of the device that made the change, see ShortID
	Content    uint64 // hash of what is in the file; 0 if it was deleted
	Attributes uint64 // hash of its time and permissions
}

// index is what is read of Syncthing's database.
type index interface {
	fileIndex
	fullScanIndex
	AllLocalFilesBySequence(folder string, device protocol.DeviceID, start int64, limit int) (iter.Seq[protocol.FileInfo], func() error)
	ListDevicesForFolder(folder string) ([]protocol.DeviceID, error)
	GetDeviceSequence(folder string, device protocol.DeviceID) (int64, error)
	GetIndexID(folder string, device protocol.DeviceID) (protocol.IndexID, error)
	makeFolder(folder string) error
	hashedFiles() *sync.Map
	CountLocal(folder string, device protocol.DeviceID) (syncthing.Counts, error)
	enter(folder string, files []protocol.FileInfo) error
	only(folder string, names map[string]bool) (done func())
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
// those of directories and of what is not synced are left out, as is what was
// changed in a folder that only receives, or reverted there.
func (e *Engine) Changes(folder string, after int64, limit int) ([]Change, int64, error) {
	wrap := func(err error) error { return fmt.Errorf("reading the index of %s: %w", folder, err) }
	peers, err := e.db.ListDevicesForFolder(folder)
	if err != nil {
		return nil, after, wrap(err)
	}
	var found []protocol.FileInfo
	last := after
	entries, failed := e.db.AllLocalFilesBySequence(folder, protocol.LocalDeviceID, after+1, limit)
	for f := range entries {
		last = f.Sequence
		if !f.IsDirectory() && !f.IsInvalid() && !f.Version.IsEmpty() {
			found = append(found, f)
		}
	}
	if err := failed(); err != nil {
		return nil, after, wrap(err)
	}
	out := make([]Change, 0, len(found))
	for _, f := range found {
		author := f.ModifiedBy
		if author == e.id.Short() && e.scans.isFirst(folder, f.Sequence) {
			if author, err = e.received(folder, f, peers); err != nil {
				return nil, after, wrap(err)
			}
		}
		out = append(out, Change{
			Sequence: f.Sequence, Path: filepath.ToSlash(f.Name), Symlink: f.IsSymlink(), Deleted: f.Deleted,
			Size: f.Size, ModifiedBy: author.String(), Content: content(f), Attributes: attributes(f),
		})
	}
	return out, last, nil
}

// received returns who made a change that the first scan after the start has
// found. If the daemon is killed when a peer's file is in place and not yet in
// the index, that scan takes it for a change that was made here meanwhile. It is
// not if a peer has the same in a version that does not know of this one.
func (e *Engine) received(folder string, f protocol.FileInfo, peers []protocol.DeviceID) (protocol.ShortID, error) {
	for _, peer := range peers {
		if peer == protocol.LocalDeviceID {
			continue
		}
		theirs, ok, err := e.db.GetDeviceFile(folder, peer, f.Name)
		if err != nil {
			return 0, err
		}
		if ok && theirs.ModifiedBy != e.id.Short() && theirs.Deleted == f.Deleted && theirs.Type == f.Type &&
			f.Version.Concurrent(theirs.Version) && (f.Deleted || f.IsSymlink() || f.BlocksEqual(theirs)) {
			return theirs.ModifiedBy, nil
		}
	}
	return f.ModifiedBy, nil
}

// firstScans knows which entries of an index are from the first scan of a folder
// since the engine was started.
type firstScans struct {
	mu   sync.Mutex
	ends map[string]int64 // sequence of the last entry, by folder ID
}

func (s *firstScans) isFirst(folder string, sequence int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	end, over := s.ends[folder]
	return !over || sequence <= end
}

// noteScan takes an event that may end the first scan of a folder.
func (e *Engine) noteScan(ev events.Event) {
	if ev.Type != events.StateChanged {
		return
	}
	data, _ := ev.Data.(map[string]any)
	if from, _ := data["from"].(string); from != "scanning" {
		return
	}
	folder, _ := data["folder"].(string)
	e.scans.mu.Lock()
	defer e.scans.mu.Unlock()
	if _, over := e.scans.ends[folder]; over {
		return
	}
	if sequence, err := e.db.GetDeviceSequence(folder, protocol.LocalDeviceID); err == nil {
		e.scans.ends[folder] = sequence
	}
}

func content(f protocol.FileInfo) uint64 {
	switch {
	case f.Deleted:
		return 0
	case f.IsSymlink():
		return hash(f.SymlinkTarget)
	case len(f.BlocksHash) > 0:
		return hash(f.BlocksHash)
	}
	return hash(protocol.BlocksHash(f.Blocks))
}

func attributes(f protocol.FileInfo) uint64 {
	return hash(fmt.Appendf(nil, "%d %d %o", f.ModifiedS, f.ModifiedNs, f.Permissions))
}

// hash is the start of a SHA-256: these are told apart, not protected.
func hash(b []byte) uint64 {
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:8])
}
