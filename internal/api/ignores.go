package api

import "time"

// TypeIgnores is the type of what ignores prints with --json.
const TypeIgnores = "ignores"

// IgnoresRequest asks what is kept out: GET /v1/ignores, answered by Ignores.
type IgnoresRequest struct {
	// Path is relative to the root, with slashes; empty for everything. A folder, or
	// a directory that is synced, means all that is kept out below it.
	Path  string
	Limit int // of the list; 0 means DefaultIgnores, below 0 none
}

// DefaultIgnores is how many entries are listed unless more are asked for.
const DefaultIgnores = 200

// Ignores says what is kept out of folders, and why.
type Ignores struct {
	Schema int       `json:"schema"`
	Type   string    `json:"type"` // ignores
	Time   time.Time `json:"time"` // when it was so
	// Path is what was asked for; Explained says whether it is kept out itself, and
	// is null for a folder or everything.
	Path      string       `json:"path,omitempty"`
	Explained *Explained   `json:"explained,omitempty"`
	Entries   []IgnoredOne `json:"entries"` // the first, in the order of their paths
	Total     int          `json:"total"`   // with those that are not listed
	Problems  []Problem    `json:"problems"`
}

// IgnoredOne is a file that is kept out, or a directory with all that is in it.
type IgnoredOne struct {
	Path      string `json:"path"` // relative to the root, with slashes
	Directory bool   `json:"directory,omitempty"`
	Size      int64  `json:"size"` // in bytes; 0 for a directory, which is not counted
	IgnoreReason
}

// Explained says whether a path is kept out. It need not exist.
type Explained struct {
	Ignored bool `json:"ignored"`
	// Missing says that nothing of that name is here: it would be kept out, or synced.
	Missing bool `json:"missing,omitempty"`
	IgnoreReason
}

// IgnoreReason is the pattern that decided. Without one, which is when a path is
// synced since nothing matches it, all is empty.
type IgnoreReason struct {
	Pattern string `json:"pattern,omitempty"`
	// Class is version_control, secret, dependencies, virtual_environment, cache,
	// editor, system, partial, or pattern for a line of a file.
	Class string `json:"class,omitempty"`
	Why   string `json:"why,omitempty"`    // the class in words
	From  string `json:"source,omitempty"` // default, or a file relative to the root
	Line  int    `json:"line,omitempty"`   // of that file
}

// KeptDir is a directory that peers have deleted and that stays here, since it
// holds something that is kept out of the folder.
type KeptDir struct {
	Path  string `json:"path"`  // relative to the root, with slashes
	Holds string `json:"holds"` // the first of it, likewise
	IgnoreReason
}
