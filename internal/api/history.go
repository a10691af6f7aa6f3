package api

import "time"

// The types of the lines about old versions.
const (
	TypeHistory  = "history"
	TypeRestored = "restored"
	TypeUndone   = "undone"
)

// DefaultHistory is how many versions history shows unless told otherwise.
const DefaultHistory = 100

// DefaultAsk is how long other devices are waited for that may have versions.
const DefaultAsk = 10 * time.Second

// MaxRestored is how many files a restore or an undo names in its answer; it may
// do more.
const MaxRestored = 10_000

// HistoryRequest asks for old versions: POST /v1/history, answered by a History.
type HistoryRequest struct {
	Path    string        `json:"path,omitempty"`    // relative to the root, with slashes: this file, or all below this directory
	Limit   int           `json:"limit,omitempty"`   // the latest so many; 0 means DefaultHistory, below 0 all
	Deleted bool          `json:"deleted,omitempty"` // only what "restore --deleted" would bring back
	Here    bool          `json:"here,omitempty"`    // only what this device has: no other is asked
	Timeout time.Duration `json:"timeout,omitempty"` // for other devices, nanoseconds; 0 means DefaultAsk
}

// OldVersion is what a file held until something took its place.
type OldVersion struct {
	Path     string    `json:"path"`     // relative to the root, with slashes
	Time     time.Time `json:"time"`     // until when it was there, by the clock of the first device that has it
	Change   string    `json:"change"`   // what happened then: changed or deleted
	Device   *Device   `json:"device"`   // who did that; without a name: no member any more; null: not known
	Kind     string    `json:"kind"`     // file or symlink
	Size     int64     `json:"size"`     // bytes
	Modified time.Time `json:"modified"` // the file's own time
	Here     bool      `json:"here"`     // this device has it
	Peers    []Device  `json:"peers"`    // others that have it, of those that have answered
}

// History is the answer of "botsync history --json", the latest version last.
type History struct {
	Schema      int          `json:"schema"`
	Type        string       `json:"type"` // history
	Versions    []OldVersion `json:"versions"`
	More        bool         `json:"more"`        // there are older ones that are not listed
	Unreachable []Device     `json:"unreachable"` // devices that may have others, and did not answer
}

// RestoreRequest brings versions back: POST /v1/restore, answered by a
// RestoredLine.
type RestoreRequest struct {
	Path string `json:"path,omitempty"` // a file; with Deleted a directory, empty for all folders
	// At chooses what the file held at that time; zero means the latest version.
	At      time.Time     `json:"at,omitzero"`
	To      string        `json:"to,omitempty"`      // another place, absolute, which must not exist
	Deleted bool          `json:"deleted,omitempty"` // all files below Path that are deleted
	DryRun  bool          `json:"dry_run,omitempty"` // only say what would come back
	Timeout time.Duration `json:"timeout,omitempty"` // for other devices, nanoseconds; 0 means DefaultAsk
}

// RestoredFile is a file that was brought back.
type RestoredFile struct {
	Path string    `json:"path"` // relative to the root, with slashes
	Time time.Time `json:"time"` // of its version
	Kind string    `json:"kind"` // file or symlink
	Size int64     `json:"size"` // bytes
	From *Device   `json:"from"` // the device whose version it is; null for this one
}

// The reasons for which a file is left as it is.
const (
	SkippedChanged   = "changed_since" // somebody else has changed it since
	SkippedReadOnly  = "receive_only"  // what is put there does not travel from this device
	SkippedDirectory = "in_the_way"    // something else has its name, or that of its directory
	SkippedAway      = "unreachable"   // who has it does not answer
	SkippedFailed    = "failed"
)

// SkippedFile is a file that was left as it is.
type SkippedFile struct {
	Path    string  `json:"path"`             // relative to the root, with slashes
	Reason  string  `json:"reason"`           // one of the reasons above
	Message string  `json:"message"`          // for people
	Device  *Device `json:"device,omitempty"` // who has changed it since
}

// RestoredLine says what was brought back.
type RestoredLine struct {
	Schema      int            `json:"schema"`
	Type        string         `json:"type"` // restored
	DryRun      bool           `json:"dry_run,omitempty"`
	To          string         `json:"to,omitempty"`
	Restored    int            `json:"restored"` // how many files
	Files       []RestoredFile `json:"files"`    // the first of them, at most MaxRestored
	Skipped     []SkippedFile  `json:"skipped"`
	Unreachable []Device       `json:"unreachable"` // devices that may have versions, and did not answer
}

// UndoRequest takes back what one device did: POST /v1/undo, answered by an
// UndoneLine.
type UndoRequest struct {
	Device string    `json:"device"`         // a name, an ID or the beginning of one; this device too
	Since  time.Time `json:"since"`          //
	Path   string    `json:"path,omitempty"` // only this file, or what is below this directory
	// RemoveNew also removes the files that the device has made.
	RemoveNew bool          `json:"remove_new,omitempty"`
	Force     bool          `json:"force,omitempty"`   // also what others have changed since
	DryRun    bool          `json:"dry_run,omitempty"` // only say what would be done
	Timeout   time.Duration `json:"timeout,omitempty"` // for other devices, nanoseconds; 0 means DefaultAsk
}

// UndoneLine says what was undone.
type UndoneLine struct {
	Schema      int            `json:"schema"`
	Type        string         `json:"type"` // undone
	DryRun      bool           `json:"dry_run,omitempty"`
	Device      Device         `json:"device"`
	Since       time.Time      `json:"since"`
	Restored    int            `json:"restored"` // how many files came back
	Files       []RestoredFile `json:"files"`    // the first of them, at most MaxRestored
	New         []string       `json:"new"`      // files that the device has made, and that are still as it made them
	Removed     int            `json:"removed"`  // how many of these were removed
	Skipped     []SkippedFile  `json:"skipped"`
	Unreachable []Device       `json:"unreachable"` // devices that may have versions, and did not answer
}
