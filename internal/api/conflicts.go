package api

import "time"

// The types of the lines about conflicts.
const (
	TypeConflicts = "conflicts"
	TypeDiff      = "diff"
	TypeResolved  = "resolved"
)

// The versions that can be kept of a file in conflict.
const (
	KeepMine   = "mine"   // the one that this device made
	KeepTheirs = "theirs" // the one that another device made
	KeepNewest = "newest"
	KeepOldest = "oldest"
	KeepBoth   = "both" // all, beside each other
)

// MaxConflicts bounds the conflicts that one answer lists; the rest is counted.
const MaxConflicts = 10_000

// ConflictVersion is one version of a file in conflict.
type ConflictVersion struct {
	Path     string    `json:"path"`              // relative to the root; where the version is
	Current  bool      `json:"current"`           // it has the name of the file; the others are conflict copies
	Deleted  bool      `json:"deleted,omitempty"` // the version is that there is no file
	Kind     string    `json:"kind,omitempty"`    // file, symlink or directory; empty if deleted
	Size     int64     `json:"size"`              // bytes
	Modified time.Time `json:"modified"`          // of a deletion, when it was noticed
	Device   *Device   `json:"device,omitempty"`  // who made the version; left out if that is not known
	Mine     bool      `json:"mine"`              // this device made it
}

// Conflict is a file of which there are versions that did not know of each other.
type Conflict struct {
	Path     string            `json:"path"`     // of the file, relative to the root
	Versions []ConflictVersion `json:"versions"` // the current one first
	// Doubt says why it may be no conflict at all, but a file of that name. It is
	// resolved only if it is named.
	Doubt string `json:"doubt,omitempty"`
}

// Conflicts is the answer of GET /v1/conflicts.
type Conflicts struct {
	Schema    int        `json:"schema"`
	Type      string     `json:"type"` // conflicts
	Conflicts []Conflict `json:"conflicts"`
	More      int        `json:"more,omitempty"` // beyond MaxConflicts
}

// DiffRequest asks how the versions of files differ: POST /v1/conflicts/diff,
// answered by ConflictDiffs. Without paths all conflicts are meant.
type DiffRequest struct {
	Paths []string `json:"paths,omitempty"` // of files or their conflict copies, relative to the root
}

// ConflictDiff says how one conflict copy differs from the version that has the
// name of the file.
type ConflictDiff struct {
	Path    string          `json:"path"` // of the file, relative to the root
	Current ConflictVersion `json:"current"`
	Copy    ConflictVersion `json:"copy"`
	Same    bool            `json:"same,omitempty"` // they have the same contents
	// Diff is in the unified format, from the current version to the copy. It is
	// empty where Why says so.
	Diff string `json:"diff,omitempty"`
	Why  string `json:"why,omitempty"` // why there is no diff: binary, large, deleted, unreadable or limit
	// The hashes are left out of versions that were not read.
	CurrentSHA256 string `json:"current_sha256,omitempty"`
	CopySHA256    string `json:"copy_sha256,omitempty"`
}

// ConflictDiffs is how the versions of files differ.
type ConflictDiffs struct {
	Schema int            `json:"schema"`
	Type   string         `json:"type"` // diff
	Files  []ConflictDiff `json:"files"`
}

// KeepRequest resolves conflicts: POST /v1/conflicts/keep, answered by a
// ResolvedLine. What is not kept goes to the history.
type KeepRequest struct {
	Keep   string   `json:"keep,omitempty"`   // one of the Keep constants; may be empty with Device
	Device string   `json:"device,omitempty"` // only versions of this device are meant: a name, an ID or the beginning of one
	Paths  []string `json:"paths,omitempty"`  // of files, for all of their versions, or of conflict copies, for that one and the current
	All    bool     `json:"all,omitempty"`    // in place of Paths
	DryRun bool     `json:"dry_run,omitempty"`
}

// Resolution is one conflict that was resolved.
type Resolution struct {
	Path string          `json:"path"` // of the file, relative to the root
	Kept ConflictVersion `json:"kept"` // as it was before; with "both" the current one
	// Placed are the ordinary names that conflict copies got, with "both".
	Placed []string `json:"placed,omitempty"`
	// Replaced are the versions that are in the history now, as they were before.
	Replaced []ConflictVersion `json:"replaced,omitempty"`
}

// Unresolved is a conflict that stays.
type Unresolved struct {
	Path   string `json:"path"`
	Code   string `json:"code"` // as in errors
	Reason string `json:"reason"`
	// Replaced and Placed are what was done of it before it failed, as in Resolution.
	Replaced []ConflictVersion `json:"replaced,omitempty"`
	Placed   []string          `json:"placed,omitempty"`
}

// ResolvedLine says which conflicts were resolved.
type ResolvedLine struct {
	Schema   int          `json:"schema"`
	Type     string       `json:"type"` // resolved
	DryRun   bool         `json:"dry_run,omitempty"`
	Resolved []Resolution `json:"resolved"`
	Skipped  []Unresolved `json:"skipped"`
	// Untold says why the other devices do not know yet of what was done here.
	Untold *Error `json:"untold,omitempty"`
}
