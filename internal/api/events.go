package api

import "time"

// The types of events.
const (
	EventInviteOpened     = "invite_opened"
	EventInviteJoined     = "invite_joined"
	EventInviteExpired    = "invite_expired"
	EventPeerAdded        = "peer_added"        // once for each device of the network
	EventPeerRemoved      = "peer_removed"      // once for each device that was removed or left; this one too
	EventPeerConnected    = "peer_connected"    //
	EventPeerDisconnected = "peer_disconnected" //
	EventFileReceived     = "file_received"     // a change of a peer is complete here
	EventFileChanged      = "file_changed"      // a change made on this device was noticed
	EventConflict         = "conflict"          // a conflict copy has come about or arrived, and is not merged: once for each
	EventIgnoresChanged   = "ignores_changed"   // other patterns decide what is kept out of a folder here
	EventFolderState      = "folder_state"      // passing: it is not kept
	EventStopping         = "stopping"          // passing: it is not kept
)

// What happened to a file.
const (
	ActionNew     = "new"
	ActionChanged = "changed"
	ActionTouched = "touched" // its contents are what they were: time or permissions differ
	ActionDeleted = "deleted"
)

// The kinds of files that events tell of. Directories are told by their files.
const (
	KindFile    = "file"
	KindSymlink = "symlink"
)

// Event is something that happened: one line of "botsync events" and of GET
// /v1/events. Events are kept in the order of their IDs, also across restarts of
// the daemon, so that a reader that reads on from the last ID, the cursor,
// misses none. Those that are passing carry the ID of the one before.
type Event struct {
	Schema int       `json:"schema"`
	ID     int64     `json:"id"`
	Time   time.Time `json:"time"`
	Type   string    `json:"type"`

	Device *Device `json:"device,omitempty"` // who joined, connected, changed the file, made the version in a conflict copy; without a name: no member any more
	Invite string  `json:"invite,omitempty"` // the invite's id
	Folder string  `json:"folder,omitempty"`
	Path   string  `json:"path,omitempty"`   // within the folder, slash-separated
	Action string  `json:"action,omitempty"` // of a file: new, changed, touched or deleted
	Kind   string  `json:"kind,omitempty"`   // of a file: file or symlink
	Size   int64   `json:"size,omitempty"`   // of a file, bytes
	State  string  `json:"state,omitempty"`  // of a folder
	Files  int     `json:"files,omitempty"`  // that are held in a folder, or kept out of it; a directory that is kept out whole is one
	Before int     `json:"before,omitempty"` // likewise, before other patterns held
}

// Passing reports whether an event is told to those who listen, and not kept.
func (e Event) Passing() bool { return e.Type == EventFolderState || e.Type == EventStopping }

// IsFile reports whether an event is about a file.
func (e Event) IsFile() bool { return e.Type == EventFileReceived || e.Type == EventFileChanged }
