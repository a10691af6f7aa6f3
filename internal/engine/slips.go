package engine

import (
	"fmt"
	"path/filepath"
	"sync"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Slip is what was changed here in a folder that only receives: it does not
// travel, and the network keeps what it had.
type Slip struct {
	Path      string // within the folder, slash-separated
	Directory bool
	Deleted   bool
	New       bool // no other device has something of this name
	Size      int64
}

// Slips returns what was changed here in a folder that only receives, by path; in
// a folder that sends there is nothing.
func (e *Engine) Slips(folder string) ([]Slip, error) {
	wrap := func(err error) error { return fmt.Errorf("looking for changes in %s: %w", folder, err) }
	if cfg, ok := e.cfg.Folder(folder); !ok || cfg.Type != config.FolderTypeReceiveOnly {
		return nil, nil
	}
	count, err := e.model.ReceiveOnlySize(folder)
	if err != nil {
		return nil, wrap(err)
	}
	if count.TotalItems() == 0 {
		return nil, nil
	}
	at, err := e.slipsAt(folder)
	if err != nil {
		return nil, wrap(err)
	}
	if known, ok := e.slips.get(folder, at); ok {
		return known, nil
	}
	var out []Slip
	files, failed := e.db.below(folder, "")
	for f := range files {
		if !f.IsReceiveOnlyChanged() {
			continue
		}
		global, ok, err := e.db.GetGlobalFile(folder, f.Name)
		if err != nil {
			return nil, wrap(err)
		}
		isNew := !ok || global.IsInvalid() || global.IsDeleted()
		if isNew && f.IsDeleted() {
			continue // the others deleted it too
		}
		out = append(out, Slip{Path: filepath.ToSlash(f.Name), Directory: f.IsDirectory(), Deleted: f.IsDeleted(), New: isNew, Size: f.Size})
	}
	if err := failed(); err != nil {
		return nil, wrap(err)
	}
	e.slips.put(folder, at, out)
	return out, nil
}

// slipsAt is a point of the indexes of a folder, of all devices: the sum of their
// sequences, none of which ever falls.
func (e *Engine) slipsAt(folder string) (int64, error) {
	devices, err := e.db.ListDevicesForFolder(folder)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, device := range append(devices, protocol.LocalDeviceID) {
		sequence, err := e.db.GetDeviceSequence(folder, device)
		if err != nil {
			return 0, err
		}
		sum += sequence
	}
	return sum, nil
}

// slipLists remembers the slips at a point of the indexes, since finding them takes
// a look at every entry.
type slipLists struct {
	mu    sync.Mutex
	known map[string]slipList // by folder ID
}

type slipList struct {
	at    int64
	slips []Slip
}

func (l *slipLists) get(folder string, at int64) ([]Slip, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.known[folder]
	return known.slips, ok && known.at == at
}

func (l *slipLists) put(folder string, at int64, slips []Slip) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[string]slipList{}
	}
	l.known[folder] = slipList{at, slips}
}

// PeerSlips counts what a peer has told that it changed in a folder that only
// receives there.
func (e *Engine) PeerSlips(peer, folder string) (int, error) {
	device, err := protocol.DeviceIDFromString(peer)
	if err != nil {
		return 0, fmt.Errorf("looking for a peer's changes: %w", err)
	}
	n := 0
	files, failed := e.db.AllLocalFilesWithPrefix(folder, device, "")
	for f := range files {
		if isSlip(f) {
			n++
		}
	}
	if err := failed(); err != nil {
		return 0, fmt.Errorf("looking for a peer's changes: %w", err)
	}
	return n, nil
}

// maxLooks is how many entries that are really lacking are looked at, per folder,
// to find the slips between them: as long as there are so many, it does not matter
// how many there are in all.
const maxLooks = 20

// needPage is how many entries are read at a time.
const needPage = 500

// completion says what a peer lacks in one folder.
func (e *Engine) completion(device protocol.DeviceID, folder string, names int) (Completion, error) {
	c, err := e.model.Completion(device, folder)
	if err != nil {
		return Completion{}, err
	}
	out := Completion{Known: c.RemoteState.String() == "valid", NeedItems: c.NeedItems + c.NeedDeletes, NeedBytes: c.NeedBytes}
	if out.NeedItems == 0 {
		return out, nil
	}
	label, _ := e.names.name(folder)
	most := max(maxLooks, names)
	for offset, lacking := 0, 0; lacking < most; offset += needPage {
		files, err := collect(e.db.AllNeededGlobalFiles(folder, device, config.PullOrderAlphabetic, needPage, offset))
		if err != nil {
			return out, err
		}
		for _, f := range files {
			theirs, ok, err := e.db.GetDeviceFile(folder, device, f.Name)
			if err != nil {
				return out, err
			}
			if v := (FileVersion{f.Version, f.BlocksHash}); ok && replaced(theirs, v) {
				out.Slips++
				out.NeedItems--
				out.NeedBytes = max(0, out.NeedBytes-f.Size)
				continue
			}
			if len(out.Names) < names {
				out.Names = append(out.Names, label+"/"+filepath.ToSlash(f.Name))
			}
			if lacking++; lacking >= most {
				break
			}
		}
		if len(files) < needPage {
			break
		}
	}
	if out.NeedItems == 0 {
		out.NeedBytes = 0
	}
	return out, nil
}
