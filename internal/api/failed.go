package api

// Why a file cannot be synced here. More codes may come; [FailedCodes] are all.
const (
	FailedNoSpace    = "no_space"
	FailedPermission = "permission_denied"
	FailedReadOnly   = "read_only"
	FailedInUse      = "in_use"
	FailedNameLong   = "name_too_long"
	FailedNameBad    = "name_reserved" // characters or a name that this system keeps for itself
	FailedNameCase   = "name_case"     // another name here differs in case alone
	FailedNameUTF8   = "name_not_utf8"
	FailedNoLinks    = "links_unsupported" // a symbolic link, which its file system has not
	FailedChanging   = "changing"          // it is being written here; tried again at once
	FailedAway       = "not_available"     // no device that has it is connected
	FailedNotEmpty   = "not_empty"         // a directory that peers deleted holds what they do not have
	FailedOther      = "other"
)

// FailedCodes are all there are.
var FailedCodes = []string{FailedNoSpace, FailedPermission, FailedReadOnly, FailedInUse, FailedNameLong, FailedNameBad, FailedNameCase,
	FailedNameUTF8, FailedNoLinks, FailedChanging, FailedAway, FailedNotEmpty, FailedOther}

// FailedFile is a file that could not be read or written here, so that it is not in
// sync; the rest of the folder is. It is tried again, at most a minute later.
type FailedFile struct {
	Path   string `json:"path"`   // relative to the root, with slashes; of a long one, at most 512 bytes with … in the middle
	Code   string `json:"code"`   // one of those above
	Reason string `json:"reason"` // for a person
	Detail string `json:"detail"` // what the system said, likewise
	Hint   string `json:"hint"`   // what to do about it

	PathBytes int `json:"path_bytes,omitempty"` // how long the path is, if its middle is left out
}
