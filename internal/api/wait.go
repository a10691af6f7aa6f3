package api

import "time"

// The types of the lines that wait prints with --json.
const (
	TypeSynced  = "synced"
	TypeFile    = "file"
	TypeWaiting = "waiting"
)

// DefaultWait is how long wait and send --wait wait unless told otherwise; wait
// --new waits for as long as it takes.
const DefaultWait = 5 * time.Minute

// SyncedRequest waits until peers have everything: POST /v1/wait/synced, answered
// by lines, each a SyncedLine of type progress, then one of type synced or an
// ErrorReply. When the time runs out, the error's Missing says what for.
type SyncedRequest struct {
	Peers   []string      `json:"peers,omitempty"`   // names, IDs or beginnings of IDs; empty means all that are connected
	Timeout time.Duration `json:"timeout,omitempty"` // nanoseconds; 0 means DefaultWait
}

// SyncedLine says who has everything and who does not yet.
type SyncedLine struct {
	Schema  int       `json:"schema"`
	Type    string    `json:"type"`    // progress or synced
	Time    time.Time `json:"time"`    // when it was so
	Peers   []Lack    `json:"peers"`   // those that count
	Here    *Lack     `json:"here"`    // this device; null once it lacks nothing
	Offline []Device  `json:"offline"` // peers that are not connected and not waited for
	// LocalChanges counts what was changed here in folders that are receive-only: it
	// does not travel, and is not waited for.
	LocalChanges int `json:"local_changes,omitempty"`
}

// Lack is what a device lacks. When that is nothing, Files is 0 and Why empty.
type Lack struct {
	Device    Device   `json:"device"`
	Connected bool     `json:"connected"` // true for this device
	Files     int      `json:"files"`     // deletions and directories as well
	Bytes     int64    `json:"bytes"`     //
	Names     []string `json:"names"`     // the first of them, relative to the root, with slashes
	Why       string   `json:"why"`       // more than that it takes its time
	// LocalChanges counts what a peer has otherwise, since it changed it in a folder
	// that is receive-only there.
	LocalChanges int `json:"local_changes,omitempty"`
}

// Nothing reports whether the device has everything.
func (l Lack) Nothing() bool { return l.Files == 0 && l.Bytes == 0 && l.Why == "" }

// PathsRequest waits until files are here, complete: POST /v1/wait/paths, answered
// by a FileHere for each file, or an ErrorReply. Of a directory everything is
// waited for that any device has told of.
type PathsRequest struct {
	Paths   []string      `json:"paths"`             // relative to the root, with slashes: inbox/task.md
	Timeout time.Duration `json:"timeout,omitempty"` // nanoseconds; 0 means DefaultWait
}

// FileHere is a file that is complete on this device.
type FileHere struct {
	Schema   int       `json:"schema"`
	Type     string    `json:"type"` // file
	Path     string    `json:"path"` // relative to the root, with slashes
	Kind     string    `json:"kind"` // file, symlink or directory
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`         // the time that the file carries
	Device   *Device   `json:"device,omitempty"` // who changed it last; left out if that is no member any more
}

// KindDirectory stands beside KindFile and KindSymlink where directories count.
const KindDirectory = "directory"

// NewRequest waits for files of peers as they land: POST /v1/wait/new, answered by
// one NewFile of type waiting, then one of type file for each file, or an
// ErrorReply. When the time runs out, the error has the cursor to go on from.
type NewRequest struct {
	Dir     string        `json:"dir,omitempty"`     // relative to the root, with slashes; empty means everywhere
	Count   int           `json:"count,omitempty"`   // end after so many; 0 means never
	Since   *int64        `json:"since,omitempty"`   // a cursor; left out means from now on
	Timeout time.Duration `json:"timeout,omitempty"` // nanoseconds; 0 means none
}

// NewFile is a file that a peer made or changed, and that is complete here.
type NewFile struct {
	Schema int       `json:"schema"`
	Type   string    `json:"type"`   // file
	Cursor int64     `json:"cursor"` // to go on from
	Path   string    `json:"path"`   // relative to the root, with slashes
	Kind   string    `json:"kind"`   // file or symlink
	Action string    `json:"action"` // new or changed
	Size   int64     `json:"size"`   //
	Device *Device   `json:"device,omitempty"`
	Time   time.Time `json:"time"` // when it landed
}
