package api

import "time"

// The kinds of targets of notifications.
const (
	NotifyOpenClaw = "openclaw" // the hook of an OpenClaw gateway
	NotifyWebhook  = "webhook"  // any URL, signed as Standard Webhooks has it
	NotifyExec     = "exec"     // a command on this machine
)

// The states of a target.
const (
	NotifyIdle    = "idle"    // there is nothing to send
	NotifySending = "sending" // something waits or is under way
	NotifyFailing = "failing" // it was not accepted; it is tried again at NextTry
	NotifyPaused  = "paused"  // refused for good: nothing is sent until that is changed
)

// The types of the lines that notify prints with --json, and of a NotifyBatch.
const (
	TypeTargets   = "targets"
	TypeTargetSet = "target_set"
	TypeTargetOff = "target_off"
	TypeRetried   = "retried"
	TypeTested    = "tested"
	TypeBatch     = "batch"
	TypeTest      = "test"
)

// NotifyTarget is somewhere that notifications go: PUT /v1/notify/targets/NAME,
// answered by a NotifySetLine. Of URL and Command one is set.
type NotifyTarget struct {
	Name      string        `json:"name"`
	Kind      string        `json:"kind"` // openclaw, webhook or exec
	URL       string        `json:"url,omitempty"`
	Token     string        `json:"token,omitempty"`      // of openclaw
	Secret    string        `json:"secret,omitempty"`     // of webhook, whsec_…; drawn by the daemon
	Command   []string      `json:"command,omitempty"`    // of exec: the program and its arguments
	TimeLimit time.Duration `json:"time_limit,omitempty"` // of exec, nanoseconds; 0 means the default
}

// NotifySetLine is the answer of "notify openclaw", "webhook" and "exec" with
// --json. It is the only place where the secret of a webhook is ever written.
type NotifySetLine struct {
	Schema int    `json:"schema"`
	Type   string `json:"type"` // target_set
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Secret string `json:"secret,omitempty"` // of a new webhook
}

// NotifyOffLine is the answer of "notify off": DELETE /v1/notify/targets/NAME.
type NotifyOffLine struct {
	Schema  int    `json:"schema"`
	Type    string `json:"type"` // target_off
	Name    string `json:"name"`
	Dropped int    `json:"dropped"` // notifications that were not sent any more
}

// NotifyRetryLine is the answer of "notify retry": POST
// /v1/notify/targets/NAME/retry.
type NotifyRetryLine struct {
	Schema int    `json:"schema"`
	Type   string `json:"type"` // retried
	Name   string `json:"name"`
	Queued int    `json:"queued"` // notifications that are sent now
}

// NotifyTestLine is the answer of "notify test": POST
// /v1/notify/targets/NAME/test.
type NotifyTestLine struct {
	Schema int     `json:"schema"`
	Type   string  `json:"type"` // tested
	Name   string  `json:"name"`
	Kind   string  `json:"kind"`
	Answer string  `json:"answer"` // what the target said
	MS     float64 `json:"ms"`     // until it did
}

// NotifyStatus is the answer of "notify --json": GET /v1/notify.
type NotifyStatus struct {
	Schema     int                  `json:"schema"`
	Type       string               `json:"type"` // targets
	Targets    []NotifyTargetStatus `json:"targets"`
	Folders    []string             `json:"folders"`      // that notify
	MaxPerHour int                  `json:"max_per_hour"` // 0 means no limit
}

// NotifyTargetStatus says how it is with a target.
type NotifyTargetStatus struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind"`
	URL       string     `json:"url,omitempty"`
	Command   []string   `json:"command,omitempty"`
	State     string     `json:"state"`
	Queued    int        `json:"queued"`              // notifications that wait to be accepted
	Parked    int        `json:"parked"`              // refused ones, kept for "notify retry"
	Open      int        `json:"open"`                // changes that are being gathered for the next one
	Error     string     `json:"error,omitempty"`     // why the latest was not accepted, or why one is parked
	NextTry   *time.Time `json:"next_try,omitempty"`  //
	Delivered *time.Time `json:"delivered,omitempty"` // when one was last accepted
}

// NotifyBatch is what a webhook gets as its body and a command on its standard
// input.
type NotifyBatch struct {
	Schema     int              `json:"schema"`
	Type       string           `json:"type"` // batch or test
	ID         string           `json:"id"`   // the same whenever it is sent again
	Time       time.Time        `json:"time"` // when the batch was closed
	Root       string           `json:"root"`
	Device     Device           `json:"device"`            // this one
	Devices    []NotifyDevice   `json:"devices,omitempty"` // that are new in the network
	Files      []NotifyFile     `json:"files"`
	Conflicts  []NotifyConflict `json:"conflicts,omitempty"` // new ones, 20 at most
	Holds      []NotifyHold     `json:"holds,omitempty"`     // folders that are held, or no more; the first 20
	More       int              `json:"more"`                // files that are not listed
	Cursor     int64            `json:"cursor,omitempty"`    // events --since CURSOR tells of them
	Totals     NotifyTotals     `json:"totals"`
	FirstEvent int64            `json:"first_event,omitempty"` // ID
	LastEvent  int64            `json:"last_event,omitempty"`
}

// NotifyDevice is a new device of the network.
type NotifyDevice struct {
	Device
	Time  time.Time `json:"time"`
	Event int64     `json:"event"`
}

// NotifyFile is a file and what a peer did to it; the latest, if several things.
type NotifyFile struct {
	Folder string    `json:"folder"`
	Path   string    `json:"path"`   // within the folder, slash-separated
	Action string    `json:"action"` // new, changed or deleted
	Kind   string    `json:"kind,omitempty"`
	Size   int64     `json:"size"` // bytes; 0 if it was deleted
	By     *Device   `json:"by,omitempty"`
	Time   time.Time `json:"time"`
	Event  int64     `json:"event"`
}

// NotifyConflict is a conflict copy that has come about or arrived.
type NotifyConflict struct {
	Folder string    `json:"folder"`
	Path   string    `json:"path"`         // of the copy, within the folder, slash-separated
	Size   int64     `json:"size"`         // bytes
	By     *Device   `json:"by,omitempty"` // who made the version in it
	Time   time.Time `json:"time"`
	Event  int64     `json:"event"`
}

// NotifyHold says that a folder is held on this device, or no more.
type NotifyHold struct {
	Folder string    `json:"folder"`
	Action string    `json:"action"`         // held, or how it ended: accepted, undone, returned or off
	Held   int       `json:"held"`           // files that vanished
	Path   string    `json:"path,omitempty"` // the first of them, within the folder, slash-separated
	Time   time.Time `json:"time"`
	Event  int64     `json:"event"`
}

// NotifyTotals counts all files of a batch, listed or not.
type NotifyTotals struct {
	Files     int   `json:"files"`
	New       int   `json:"new"`
	Changed   int   `json:"changed"`
	Deleted   int   `json:"deleted"`
	Bytes     int64 `json:"bytes"`               // of those that are new or changed
	Conflicts int   `json:"conflicts,omitempty"` // conflict copies that are new, listed or not
}

// Outgoing is a notification in the outbox.
type Outgoing struct {
	ID       int64 // in the order of sending
	Key      string
	Body     []byte
	At       time.Time // when it was put there
	Attempts int       // that failed in a way that counts
}

// OutboxTarget is what the outbox knows of a target.
type OutboxTarget struct {
	Name      string
	Position  int64  // ID of the last event that is in a notification
	Paused    string // why nothing is sent; empty if not paused
	Delivered time.Time
	Queued    int
	Parked    int
	Reason    string // of the notification that was parked last
}
