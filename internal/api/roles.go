package api

import "time"

// The types of the lines about roles.
const (
	TypeRole     = "role"
	TypeReverted = "reverted"
)

// RoleWord is how a person writes that a device has no role.
const RoleWord = "none"

// ReceiveOnly reports whether a device of this role only receives what is in a
// folder: it is not the one who writes there, so that its slips do not travel.
func (r Role) ReceiveOnly(folder string) bool {
	return r == RoleAgent && folder == "inbox" || r == RoleHuman && folder == "deliverables"
}

// Target is the folder that a device of this role sends files to.
func (r Role) Target() string {
	if r == RoleHuman {
		return "inbox"
	}
	return "deliverables"
}

// RoleRequest gives a device another role: POST /v1/devices/role, answered by a
// RoleLine. Device is a name, an ID or the beginning of one.
type RoleRequest struct {
	Device string `json:"device"`
	Role   Role   `json:"role"`
	// Force lets what was changed in a folder that will no longer be receive-only
	// travel to the others. Without it that is an error.
	Force bool `json:"force,omitempty"`
}

// RoleLine says that a device has another role now.
type RoleLine struct {
	Schema int    `json:"schema"`
	Type   string `json:"type"` // role
	Device Device `json:"device"`
	Was    Role   `json:"was"` // empty for none
}

// The ways in which a file can differ in a folder that is receive-only.
const (
	LocalNew     = "new"
	LocalChanged = "changed"
	LocalDeleted = "deleted"
)

// LocalChange is something that was changed in a folder that is receive-only here.
type LocalChange struct {
	Path   string `json:"path"`   // relative to the root, with slashes; a directory has one at its end
	Change string `json:"change"` // new, changed or deleted
}

// RevertRequest takes back what was changed in folders that are receive-only here:
// POST /v1/revert, answered by a RevertedLine.
type RevertRequest struct {
	Folder  string        `json:"folder,omitempty"`  // empty for all that are receive-only
	DryRun  bool          `json:"dry_run,omitempty"` // only say what would be reverted
	Timeout time.Duration `json:"timeout,omitempty"` // for what has to come from peers, nanoseconds; 0 means DefaultRevert
}

// DefaultRevert is how long a revert waits for files to come back from peers.
const DefaultRevert = 30 * time.Second

// RevertedLine says what was reverted.
type RevertedLine struct {
	Schema  int           `json:"schema"`
	Type    string        `json:"type"` // reverted
	DryRun  bool          `json:"dry_run,omitempty"`
	Changes []LocalChange `json:"changes"`
	Kept    string        `json:"kept"`    // the directory that has what was here, absolute; empty if there was nothing to keep
	Missing int           `json:"missing"` // what has still to come from peers; it comes by itself
}
