package api

import "time"

// FolderHeld is the state of a folder of which much vanished on this device: what
// vanished is held here, and no peer is told, until somebody has decided. All else
// in it goes on being synced.
const FolderHeld = "held"

// What the daemon says about folders that are held.
const (
	CodeHeld     = "held"    // much vanished from a folder here, and nobody has decided
	EventHeld    = "held"    // a folder is held
	EventResumed = "resumed" // it is held no more
	TypeHeld     = "held"
	TypeResumed  = "resumed"
)

// The ways in which a hold ends.
const (
	ActionAccepted = "accepted" // the peers were told: they delete the files as well
	ActionUndone   = "undone"   // the files come back from the peers
	ActionReturned = "returned" // by itself: the files are there again or were moved, or peers have deleted them as well
	ActionOff      = "off"      // the brake was turned off, so that the peers are told
)

// Held is what vanished from a folder on this device and is held.
type Held struct {
	Since   time.Time `json:"since"`
	Files   int       `json:"files"`          // deleted or overwritten with nothing; links as well, directories not
	Emptied int       `json:"emptied"`        // of them: overwritten with nothing
	Of      int       `json:"of"`             // files that the folder had
	Told    int       `json:"told"`           // vanished in the ten minutes before and were not moved, and peers were told
	Names   []string  `json:"names"`          // the first of them, relative to the root, with slashes
	Busy    bool      `json:"busy,omitempty"` // a decision is being carried out
	// Resting says that the folder is receive-only now: what vanished does not travel
	// until it is not.
	Resting bool `json:"resting,omitempty"`
}

// ResumeRequest ends that folders are held: POST /v1/resume, answered by a
// ResumeLine. With neither Accept nor Undo it says what is held.
type ResumeRequest struct {
	Folder  string        `json:"folder,omitempty"`  // empty for all that are held
	Accept  bool          `json:"accept,omitempty"`  // the peers are told
	Undo    bool          `json:"undo,omitempty"`    // the files come back from the peers
	Timeout time.Duration `json:"timeout,omitempty"` // for all of it, nanoseconds; 0 means DefaultResume
}

// DefaultResume is how long a decision is waited for, and files that come back from
// peers.
const DefaultResume = time.Minute

// ResumeLine says what is held, or what became of it.
type ResumeLine struct {
	Schema  int          `json:"schema"`
	Type    string       `json:"type"` // held or resumed
	Folders []HeldFolder `json:"folders"`
	Action  string       `json:"action,omitempty"`        // accepted or undone
	Missing int          `json:"missing,omitempty"`       // what has still to come from peers; it comes by itself
	Names   []string     `json:"missing_names,omitempty"` // the first of that, relative to the root
	// Left is what the decision could not be carried out for in time. It is held until
	// it can be, which needs no other command.
	Left int    `json:"left,omitempty"`
	Why  string `json:"why,omitempty"` // something is missing or left
	// Undecided are folders about which nothing was decided, while others were.
	Undecided []Undecided `json:"undecided,omitempty"`
}

// Undecided is a folder about which nothing was decided, and why.
type Undecided struct {
	Name  string `json:"name"`
	Error *Error `json:"error"`
}

// HeldFolder is a folder that is or was held.
type HeldFolder struct {
	Name string `json:"name"`
	Held
	Lost []string `json:"lost,omitempty"` // cannot be brought back, as no peer is known to have them; relative to the root
}

// IsBrake reports whether an event is about a folder that is held.
func (e Event) IsBrake() bool { return e.Type == EventHeld || e.Type == EventResumed }
