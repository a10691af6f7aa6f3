// Package api holds the types that botsync's parts and its users exchange: what
// the local API answers, what every --json prints, and the exit codes.
//
// It is a leaf: it imports nothing of botsync. Whatever a command, the
// dashboard or an MCP client shows is one of these values, made by the daemon.
//
// # Stability
//
// Every object that reaches standard output carries "schema": [Schema]. Within
// one schema fields are only ever added; a reader ignores those that it does
// not know. docs/cli.md describes each object field by field.
package api

import "time"

// Schema is the version of every JSON object in this package.
const Schema = 1

// Role says what a device is for. The empty role is allowed.
type Role string

// The roles that a device can take with --role.
const (
	RoleNone  Role = ""
	RoleAgent Role = "agent" // an agent lives here
	RoleHuman Role = "human" // a person works here
)

// Valid reports whether r is one of the roles above.
func (r Role) Valid() bool { return r == RoleNone || r == RoleAgent || r == RoleHuman }

// Device names one botsync instance.
type Device struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role Role   `json:"role,omitempty"`
	// Stock says that it is a Syncthing without botsync.
	Stock bool `json:"stock,omitempty"`
}

// Network identifies the set of devices that share the folders.
type Network struct {
	ID      string `json:"id"`
	Devices int    `json:"devices"` // this one included
}

// The states of a root.
const (
	StateRunning = "running"
	StateStopped = "stopped"
)

// The states of a folder.
const (
	FolderIdle     = "idle"
	FolderScanning = "scanning"
	FolderSyncing  = "syncing"
	FolderPaused   = "paused"
	FolderError    = "error"
)

// The ways in which a peer can be connected.
const (
	ViaLAN    = "lan"    // directly, both on the same local network
	ViaDirect = "direct" // directly, across networks
	ViaRelay  = "relay"  // through one of Syncthing's relays, encrypted end to end
)

// Status is the answer of "botsync status --json".
type Status struct {
	Schema   int       `json:"schema"`
	Version  string    `json:"version"`
	Engine   string    `json:"engine"`
	State    string    `json:"state"` // running or stopped
	Root     string    `json:"root"`
	Device   Device    `json:"device"`
	Network  *Network  `json:"network"` // null before init or join
	Folders  []Folder  `json:"folders"`
	Peers    []Peer    `json:"peers"`
	Invites  []Invite  `json:"invites"`
	Problems []Problem `json:"problems"`
}

// Folder is one synced directory as this device sees it. What is needed is what
// this device lacks; Bytes and NeedBytes count contents, not disk blocks.
type Folder struct {
	Name      string `json:"name"`
	Path      string `json:"path"`
	State     string `json:"state"`
	Files     int    `json:"files"`
	Bytes     int64  `json:"bytes"`
	NeedFiles int    `json:"need_files"`
	NeedBytes int64  `json:"need_bytes"`
	Conflicts int    `json:"conflicts"`
	Error     string `json:"error"`
	// Failed are the first of FailedTotal files that could not be read or written
	// here, by path.
	Failed      []FailedFile `json:"failed,omitempty"`
	FailedTotal int          `json:"failed_total,omitempty"`
	// ReceiveOnly says that what is changed here does not travel, as the role of
	// this device has it; LocalChanges counts what was, and Changes are the first.
	ReceiveOnly  bool          `json:"receive_only,omitempty"`
	LocalChanges int           `json:"local_changes,omitempty"`
	Changes      []LocalChange `json:"changes,omitempty"`
	// Ignored counts files and whole directories that are kept out of the folder, as
	// it was at IgnoredAt, which is null before the first count.
	Ignored   int        `json:"ignored"`
	IgnoredAt *time.Time `json:"ignored_at,omitempty"`
	// Kept are the first of KeptTotal directories that peers have deleted and that
	// stay here for what they hold.
	Kept      []KeptDir `json:"kept,omitempty"`
	KeptTotal int       `json:"kept_total,omitempty"`
	Held      *Held     `json:"held,omitempty"` // what vanished here and no peer is told of
}

// Peer is another device of the network. What is needed is what the peer lacks
// of ours, as far as it has told us.
type Peer struct {
	Device
	Connected bool       `json:"connected"`
	Via       string     `json:"via,omitempty"`     // lan, direct or relay
	Address   string     `json:"address,omitempty"` // of the present connection
	NeedFiles int        `json:"need_files"`
	NeedBytes int64      `json:"need_bytes"`
	LastSeen  *time.Time `json:"last_seen,omitempty"`
}

// Invite is an open offer to join. The code is not kept and not shown again.
type Invite struct {
	ID        string    `json:"id,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
	Ways      []Way     `json:"ways,omitempty"`
}

// Way is one way of meeting, and whether it works for an invite or a join.
type Way struct {
	Name   string `json:"name"`             // lan, global, relay or ticket
	Target string `json:"target,omitempty"` // for people: a relay's URL, the names of servers
	OK     bool   `json:"ok"`
	Trying bool   `json:"trying,omitempty"` // it is not known yet
	Error  string `json:"error,omitempty"`
}

// Problem is something that is wrong now. Its code is stable; the sentence says
// what is wrong, the hint what to do about it.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Version is the answer of "botsync version --json".
type Version struct {
	Schema  int    `json:"schema"`
	Version string `json:"version"`
	Engine  string `json:"engine"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}
