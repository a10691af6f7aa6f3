package api

import "time"

// The types of events.
const (
	EventInviteOpened     = "invite_opened"
	EventInviteJoined     = "invite_joined"
	EventInviteExpired    = "invite_expired"
	EventPeerAdded        = "peer_added"
	EventPeerConnected    = "peer_connected"
	EventPeerDisconnected = "peer_disconnected"
	EventFileReceived     = "file_received"
	EventFolderState      = "folder_state"
	EventStopping         = "stopping"
)

// Event is one line of GET /v1/events. IDs rise by one; a reader that reads on
// from the last ID misses nothing that the daemon still remembers.
type Event struct {
	Schema int       `json:"schema"`
	ID     int64     `json:"id"`
	Time   time.Time `json:"time"`
	Type   string    `json:"type"`

	Device *Device `json:"device,omitempty"` // who joined, connected, changed the file
	Invite string  `json:"invite,omitempty"` // the invite's id
	Folder string  `json:"folder,omitempty"`
	Path   string  `json:"path,omitempty"`   // within the folder, slash-separated
	Action string  `json:"action,omitempty"` // of a file: updated or deleted
	State  string  `json:"state,omitempty"`  // of a folder
}
