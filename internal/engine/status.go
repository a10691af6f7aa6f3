package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// The states of a folder.
const (
	StateIdle     = "idle"
	StateScanning = "scanning"
	StateSyncing  = "syncing"
	StatePaused   = "paused"
	StateError    = "error"
)

// FolderStatus is what this device has of a folder and what it lacks. Files
// counts files and symbolic links, not directories.
type FolderStatus struct {
	State       string
	Files       int
	Bytes       int64
	NeedItems   int // files, links, directories and deletions
	NeedBytes   int64
	Conflicts   int // conflict copies
	ReceiveOnly bool
	Slips       []Slip      // changes made here while it only receives
	Err         error       // why the folder is stopped
	Failed      []FileError // files that could not be read or written here
}

// FileError says why one file is not in sync.
type FileError struct {
	Path string // within the folder, slash-separated
	Err  string
}

// PeerStatus is how a peer is connected and what it lacks of ours.
type PeerStatus struct {
	Connected bool
	Relayed   bool   // through one of Syncthing's relays
	Local     bool   // on a network of this machine
	Address   string // host and port
	NeedItems int
	NeedBytes int64
	// Known is false while the peer has not told what it has: then what it
	// needs is a guess from an earlier connection.
	Known    bool
	LastSeen time.Time // zero if never
}

// Folder returns the state of the folder with the given ID.
func (e *Engine) Folder(id string) (FolderStatus, error) {
	var s FolderStatus
	cfg, ok := e.cfg.Folder(id)
	if !ok {
		return s, fmt.Errorf("reading folder %s: no such folder", id)
	}
	state, _, err := e.model.State(id)
	s.State, s.Err = stateName(state), err
	switch {
	case err != nil:
		s.State = StateError
	case cfg.Paused:
		s.State = StatePaused
	}
	local, err := e.model.LocalSize(id, protocol.LocalDeviceID)
	if err != nil {
		return s, fmt.Errorf("reading folder %s: %w", id, err)
	}
	need, err := e.model.NeedSize(id, protocol.LocalDeviceID)
	if err != nil {
		return s, fmt.Errorf("reading folder %s: %w", id, err)
	}
	s.Files, s.Bytes = local.Files+local.Symlinks, local.Bytes
	s.NeedItems = need.Files + need.Symlinks + need.Directories + need.Deleted
	s.NeedBytes = need.Bytes
	if s.Conflicts, err = e.conflicts(id); err != nil {
		return s, err
	}
	slips, err := e.Slips(id)
	if err != nil {
		return s, err
	}
	s.ReceiveOnly, s.Slips = cfg.Type == config.FolderTypeReceiveOnly, slips
	// Errors are unknown while the folder is not running, which Err tells.
	failed, _ := e.failed(id)
	for _, f := range failed {
		s.Failed = append(s.Failed, FileError{Path: f.Path, Err: f.Err})
	}
	return s, nil
}

// Peer returns how the peer with the given device ID is connected, and what it
// lacks of the given folders.
func (e *Engine) Peer(id string, folders []string) (PeerStatus, error) {
	var s PeerStatus
	device, err := protocol.DeviceIDFromString(id)
	if err != nil {
		return s, fmt.Errorf("reading peer: %w", err)
	}
	if c, ok := e.connection(id); ok {
		s.Connected = true
		s.Relayed = isRelayed(c)
		s.Local = c.Primary.IsLocal
		s.Address = c.Primary.Address
	}
	s.Known = s.Connected
	for _, folder := range folders {
		c, err := e.completion(device, folder, 0)
		if isStopped(err) {
			s.Known = false // it is about to start, or says itself what is wrong
			continue
		}
		if err != nil {
			return s, fmt.Errorf("reading peer: %w", err)
		}
		s.NeedItems += c.NeedItems
		s.NeedBytes += c.NeedBytes
		s.Known = s.Known && c.Known
	}
	stats, err := e.model.DeviceStatistics()
	if err != nil {
		return s, fmt.Errorf("reading peer: %w", err)
	}
	if seen := stats[device].LastSeen; seen.Unix() > 0 {
		s.LastSeen = seen
	}
	return s, nil
}

// connection returns the connection with a peer, if there is one.
func (e *Engine) connection(id string) (model.ConnectionStats, bool) {
	all, _ := e.model.ConnectionStats()["connections"].(map[string]model.ConnectionStats)
	c, ok := all[id]
	return c, ok && c.Connected
}

func isRelayed(c model.ConnectionStats) bool { return strings.HasPrefix(c.Primary.Type, "relay") }

func (e *Engine) link(id protocol.DeviceID) link {
	c, ok := e.connection(id.String())
	switch {
	case !ok:
		return unlinked
	case isRelayed(c):
		return relayed
	}
	return direct
}

// Scan looks at the given paths of a folder, or at all of it if there are none,
// and returns when what changed has been announced.
func (e *Engine) Scan(folder string, paths ...string) error {
	if err := e.scan(folder, paths); err != nil {
		return fmt.Errorf("scanning folder %s: %w", folder, err)
	}
	return nil
}

func stateName(syncthing string) string {
	switch syncthing {
	case "idle":
		return StateIdle
	case "scanning", "scan-waiting", "starting", "cleaning", "clean-waiting":
		return StateScanning
	case "syncing", "sync-waiting", "sync-preparing":
		return StateSyncing
	case "error":
		return StateError
	}
	return StateScanning // the empty state: not started yet
}
