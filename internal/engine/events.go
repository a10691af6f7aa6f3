package engine

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/thejerf/suture/v4"
)

// EventType says what happened.
type EventType string

// The types of events, and which fields of Event they set.
const (
	PeerConnected    EventType = "peer_connected"    // Peer
	PeerAccepted     EventType = "peer_accepted"     // Peer: it has told us which folders it shares with us
	PeerDisconnected EventType = "peer_disconnected" // Peer, Reason, Dismissed
	FileReceived     EventType = "file_received"     // Folder, Path, Deleted, ModifiedBy
	FileChanged      EventType = "file_changed"      // Folder, Path, Deleted: by a program on this device
	FolderState      EventType = "folder_state"      // Folder, State
	IndexUpdated     EventType = "index_updated"     // Folder; Peer where it is a peer's index
	FolderBraked     EventType = "folder_braked"     // Folder: it is held, or no more
	IgnoresChanged   EventType = "ignores_changed"   // Folder, Ignored, IgnoredBefore: other patterns hold
)

// Event is something that happened in the engine.
type Event struct {
	Time                   time.Time
	Type                   EventType
	Folder                 string // name
	Path                   string // within the folder, slash-separated
	Deleted                bool
	ModifiedBy             string // short ID of the device that made the change, see ShortID
	Peer                   string // device ID
	State                  string // one of the State constants
	Ignored, IgnoredBefore int    // as IgnoredCount counts
	Reason                 string // what ended the connection; a part of it may be the peer's words
	Dismissed              bool   // the peer ended the connection because it has this device no more
}

// dismissal is what Syncthing gives as its reason when it ends a connection to a
// device that was taken out of its configuration. It is the same for one that is
// paused, which botsync never does.
const dismissal = "closed by remote: device is paused"

// maxReason bounds what is told of the end of a connection, in bytes: a peer can give
// a reason as long as a message.
const maxReason = 200

const eventMask = events.DeviceConnected | events.DeviceDisconnected | events.ClusterConfigReceived |
	events.RemoteChangeDetected | events.LocalChangeDetected | events.StateChanged |
	events.LocalIndexUpdated | events.RemoteIndexUpdated | events.FolderErrors

// forward translates Syncthing's events until ctx ends.
func (e *Engine) forward(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case ev := <-e.brakes.events:
			if e.onEvent != nil {
				e.onEvent(ev)
			}
		case <-e.events.wake:
			for _, ev := range e.events.take() {
				if ctx.Err() != nil {
					return
				}
				e.note(ev)
			}
		}
	}
}

// note has everybody take note of an event.
func (e *Engine) note(ev events.Event) {
	e.sweeps.note(ev, ev.Time)
	e.watches.note(ev)
	e.noteLink(ev)
	e.noteScan(ev)
	e.noteIgnores(ev)
	e.noteFailures(ev)
	if out, ok := e.translate(ev); ok && e.onEvent != nil {
		e.onEvent(out)
	}
}

// noteLink tells the finder when a peer was connected or disconnected.
func (e *Engine) noteLink(ev events.Event) {
	if ev.Type != events.DeviceConnected && ev.Type != events.DeviceDisconnected {
		return
	}
	data, _ := ev.Data.(map[string]string)
	id, err := protocol.DeviceIDFromString(data["id"])
	if err != nil {
		return
	}
	e.finder.linked(id)
}

func reasonOf(text string) string { return text[:min(len(text), maxReason)] }

func (e *Engine) translate(ev events.Event) (Event, bool) {
	out := Event{Time: ev.Time}
	text := func(key string) string {
		switch data := ev.Data.(type) {
		case map[string]string:
			return data[key]
		case map[string]any:
			s, _ := data[key].(string)
			return s
		}
		return ""
	}
	var known bool
	folder := func(key string) bool {
		out.Folder, known = e.names.name(text(key))
		return known
	}
	switch ev.Type {
	case events.DeviceConnected:
		out.Type, out.Peer = PeerConnected, text("id")
	case events.DeviceDisconnected:
		out.Type, out.Peer, out.Reason = PeerDisconnected, text("id"), reasonOf(text("error"))
		out.Dismissed = strings.Contains(out.Reason, dismissal)
	case events.ClusterConfigReceived:
		data, ok := ev.Data.(model.ClusterConfigReceivedEventData)
		if !ok {
			return out, false
		}
		out.Type, out.Peer = PeerAccepted, data.Device.String()
	case events.RemoteChangeDetected, events.LocalChangeDetected:
		if text("type") == "dir" || !folder("folder") {
			return out, false
		}
		out.Type = FileChanged
		if ev.Type == events.RemoteChangeDetected {
			out.Type, out.ModifiedBy = FileReceived, text("modifiedBy")
		}
		out.Path, out.Deleted = filepath.ToSlash(text("path")), text("action") == "deleted"
	case events.StateChanged:
		if !folder("folder") {
			return out, false
		}
		out.Type, out.State = FolderState, stateName(text("to"))
	case events.LocalIndexUpdated, events.RemoteIndexUpdated:
		if !folder("folder") {
			return out, false
		}
		out.Type, out.Peer = IndexUpdated, text("device")
	default:
		return out, false
	}
	return out, true
}

// folderNames maps the ID of a folder to its name.
type folderNames struct {
	mu  sync.RWMutex
	ids map[string]string // ID → name
}

func (n *folderNames) set(folders []Folder) {
	ids := make(map[string]string, len(folders))
	for _, f := range folders {
		ids[f.ID] = f.Name
	}
	n.mu.Lock()
	n.ids = ids
	n.mu.Unlock()
}

func (n *folderNames) name(id string) (string, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	name, ok := n.ids[id]
	return name, ok
}

func logSupervisor(ev suture.Event) {
	slog.Warn("A part of the engine stopped", "what", ev.String())
}
