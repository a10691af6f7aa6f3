package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Completion says what a device lacks of what any device is known to have.
type Completion struct {
	Connected bool // with this device
	// Known is false while the peer has not told all that it has, so that the
	// rest may be out of date.
	Known     bool
	NeedItems int // files, links, directories and deletions
	NeedBytes int64
	Names     []string // the first of them: name of the folder and path, slash-separated
	// Slips counts what the device changed itself in folders that only receive
	// there: it keeps it so, and lacks nothing for that.
	Slips int
}

// Nothing reports whether the device is known to lack nothing.
func (c Completion) Nothing() bool { return c.Known && c.NeedItems == 0 && c.NeedBytes == 0 }

// Completion returns what a peer lacks in the given folders, with at most names
// names. It is exact once Known: everything that the peer had when it connected
// has arrived here, as has, a moment later, what happened to it since.
func (e *Engine) Completion(peer string, folders []string, names int) (Completion, error) {
	var out Completion
	device, err := protocol.DeviceIDFromString(peer)
	if err != nil {
		return out, fmt.Errorf("reading what a peer lacks: %w", err)
	}
	_, out.Connected = e.connection(peer)
	out.Known = out.Connected
	for _, folder := range folders {
		// First whether it is known, then what: in the other order the peer could
		// tell in between that it lacks something.
		known, err := e.caughtUp(device, folder)
		if err != nil {
			return out, err
		}
		c, err := e.completion(device, folder, names-len(out.Names))
		if isStopped(err) {
			out.Known = false
			continue
		}
		if err != nil {
			return out, fmt.Errorf("reading what a peer lacks: %w", err)
		}
		out.Known = out.Known && known && c.Known
		// What is on its way already is subtracted from the bytes, not from the items.
		out.NeedItems += c.NeedItems
		out.NeedBytes += c.NeedBytes
		out.Slips += c.Slips
		out.Names = append(out.Names, c.Names...)
	}
	return out, nil
}

// Lacking returns what this device lacks in the given folders, with at most
// names names.
func (e *Engine) Lacking(folders []string, names int) (Completion, error) {
	out := Completion{Connected: true, Known: true}
	for _, folder := range folders {
		need, err := e.model.NeedSize(folder, protocol.LocalDeviceID)
		if err != nil {
			return out, fmt.Errorf("reading what is lacking: %w", err)
		}
		items := need.Files + need.Symlinks + need.Directories + need.Deleted
		out.NeedItems += items
		out.NeedBytes += need.Bytes
		if items > 0 && len(out.Names) < names {
			if err := e.addNeeded(&out, folder, protocol.LocalDeviceID, names); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

func (e *Engine) addNeeded(c *Completion, folder string, device protocol.DeviceID, names int) error {
	label, _ := e.names.name(folder)
	files, failed := e.db.AllNeededGlobalFiles(folder, device, config.PullOrderAlphabetic, names-len(c.Names), 0)
	for f := range files {
		c.Names = append(c.Names, label+"/"+filepath.ToSlash(f.Name))
	}
	if err := failed(); err != nil {
		return fmt.Errorf("reading what is needed: %w", err)
	}
	return nil
}

// announcePatience is how long an index may be silent that has not come as far
// as was announced. There is nothing more then: what was announced last is an
// entry that has been removed since.
const announcePatience = 10 * time.Second

// announcements are how far the index of each peer goes, as it said when it
// connected. What is here of it before it has come that far is from an earlier
// connection: since then files may have come and gone there.
type announcements struct {
	mu    sync.Mutex
	peers map[protocol.DeviceID]map[string]announcement // by folder ID
}

type announcement struct {
	sequence int64
	seen     int64     // how far it had come
	at       time.Time // when it came that far
}

func (a *announcements) set(peer protocol.DeviceID, msg *protocol.ClusterConfig, now time.Time) {
	folders := map[string]announcement{}
	for _, f := range msg.Folders {
		for _, d := range f.Devices {
			if d.ID == peer {
				folders[f.ID] = announcement{sequence: d.MaxSequence, at: now}
			}
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.peers == nil {
		a.peers = map[protocol.DeviceID]map[string]announcement{}
	}
	a.peers[peer] = folders
}

// reached reports whether an index that is here up to sequence is all there is.
func (a *announcements) reached(peer protocol.DeviceID, folder string, sequence int64, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	an, ok := a.peers[peer][folder]
	if !ok {
		return false
	}
	if sequence >= an.sequence {
		return true
	}
	if sequence != an.seen {
		an.seen, an.at = sequence, now
		a.peers[peer][folder] = an
	}
	return now.Sub(an.at) >= announcePatience
}

func (e *Engine) caughtUp(device protocol.DeviceID, folder string) (bool, error) {
	sequence, err := e.db.GetDeviceSequence(folder, device)
	if err != nil {
		return false, fmt.Errorf("reading what a peer lacks: %w", err)
	}
	return e.indexes.reached(device, folder, sequence, time.Now()), nil
}

// scanRetry is how long a folder that is being made anew is given.
const scanRetry = 50 * time.Millisecond

// Look is [Engine.Scan] until ctx ends, also of a folder that is only about to
// start or is made anew meanwhile. It returns what stops the folder.
func (e *Engine) Look(ctx context.Context, folder string, paths ...string) error {
	for {
		done := make(chan error, 1)
		go func() { done <- e.scan(folder, paths) }() // ends with the folder at the latest
		var err error
		select {
		case err = <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
		again := errors.Is(err, errReplaced) || errors.Is(err, model.ErrFolderNotRunning) || errors.Is(err, model.ErrFolderMissing)
		if !again || e.running.Err() != nil {
			return err
		}
		select {
		case <-time.After(scanRetry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Fault returns why a folder is stopped, and the files that could not be read or
// written here. A scan forgets those that it is about to meet again, and so they
// are unknown while one goes on: that it ends is a [FolderState] event.
func (e *Engine) Fault(folder string) (failed []FileError, known bool, stopped error) {
	if cfg, ok := e.cfg.Folder(folder); !ok {
		return nil, false, model.ErrFolderMissing
	} else if cfg.Paused {
		return nil, false, model.ErrFolderPaused
	}
	before, since, err := e.model.State(folder)
	if err != nil {
		return nil, false, err
	}
	errs, err := e.failed(folder)
	after, still, _ := e.model.State(folder)
	known = err == nil && stateName(before) != StateScanning && before == after && since.Equal(still)
	for _, f := range errs {
		failed = append(failed, FileError{Path: filepath.ToSlash(f.Path), Err: f.Err})
	}
	return failed, known, nil
}
