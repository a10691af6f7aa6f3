package api

import "fmt"

// The exit codes of every command. docs/cli.md says which of them are worth a
// retry.
const (
	ExitOK             = 0
	ExitUnexpected     = 1
	ExitUsage          = 2
	ExitNotInitialised = 3
	ExitNotRunning     = 4
	ExitCodeUnknown    = 5
	ExitTimeout        = 6
	ExitUnreachable    = 7
	ExitState          = 8
	ExitTrouble        = 9
)

// The stable codes of errors.
const (
	CodeUnexpected     = "unexpected"
	CodeUsage          = "usage"
	CodeBadCode        = "code_invalid"      // not five words of the list
	CodeBadConfig      = "config_invalid"    // config.toml or a flag does not parse
	CodeNotInitialised = "not_initialised"   // this root has no .botsync
	CodeNotRunning     = "not_running"       // no daemon answers
	CodeCodeUnknown    = "code_unknown"      // nobody waits under this code
	CodeTimeout        = "timeout"           // the time ran out
	CodeUnreachable    = "unreachable"       // no way to the other side works
	CodeInNetwork      = "in_network"        // this root has peers already
	CodeJoining        = "joining"           // another join is under way
	CodeRunning        = "already_running"   // a second daemon for one root
	CodeRefused        = "refused"           // the other side said no
	CodeProtocol       = "protocol_mismatch" // one side has to be updated
	CodeRootUnusable   = "root_unusable"     // not writable, a file, full
	CodeDamaged        = "damaged"           // a file of .botsync cannot be read
	CodeTrouble        = "trouble"           // status --check found problems
	CodeForbidden      = "forbidden"         // a request that no command makes
	CodeNoPeers        = "no_peers"          // there is no other device
	CodeFolderError    = "folder_error"      // a folder is not synced
	CodeSource         = "source_unusable"   // what is to be sent cannot be read
	CodeNamed          = "named"             // this device has another name in its network
	CodeNoNetwork      = "no_network"        // this root is in no network
	CodeLastPeer       = "last_peer"         // the only other device cannot be removed
	CodeExists         = "exists"            // a device of this name or ID is there already
	CodeRemoved        = "removed"           // a device was removed from the network, for good
	CodeRestarting     = "restarting"        // the daemon starts anew with another identity
	CodeReceiveOnly    = "receive_only"      // what is put into this folder here does not travel
	CodeNoVersion      = "no_version"        // there is no old version of this file, or none of that time
	CodeLocalChanges   = "local_changes"     // what was changed in a receive-only folder would travel
	CodeNoConflict     = "no_conflict"       // there is only one version of a file
	CodeAmbiguous      = "ambiguous"         // it is not clear which version is meant
	CodeChanged        = "changed"           // a file changed while it was being replaced
)

var exits = map[string]struct {
	exit      int
	retryable bool
}{
	CodeUnexpected:     {ExitUnexpected, false},
	CodeUsage:          {ExitUsage, false},
	CodeBadCode:        {ExitUsage, false},
	CodeBadConfig:      {ExitUsage, false},
	CodeNotInitialised: {ExitNotInitialised, false},
	CodeNotRunning:     {ExitNotRunning, true},
	CodeCodeUnknown:    {ExitCodeUnknown, false},
	CodeTimeout:        {ExitTimeout, true},
	CodeUnreachable:    {ExitUnreachable, true},
	CodeInNetwork:      {ExitState, false},
	CodeJoining:        {ExitState, true},
	CodeRunning:        {ExitState, false},
	CodeRefused:        {ExitState, false},
	CodeProtocol:       {ExitState, false},
	CodeRootUnusable:   {ExitState, false},
	CodeDamaged:        {ExitState, false},
	CodeTrouble:        {ExitTrouble, true},
	CodeForbidden:      {ExitUnexpected, false},
	CodeNoPeers:        {ExitState, false},
	CodeFolderError:    {ExitState, true},
	CodeSource:         {ExitState, false},
	CodeNamed:          {ExitState, false},
	CodeNoNetwork:      {ExitState, false},
	CodeLastPeer:       {ExitState, false},
	CodeExists:         {ExitState, false},
	CodeRemoved:        {ExitState, false},
	CodeRestarting:     {ExitState, true},
	CodeReceiveOnly:    {ExitState, false},
	CodeLocalChanges:   {ExitState, false},
	CodeNoVersion:      {ExitState, false},
	CodeHeld:           {ExitState, false},
	CodeNoConflict:     {ExitState, false},
	CodeAmbiguous:      {ExitState, false},
	CodeChanged:        {ExitState, true},
}

// Error is an error that a user sees: what happened, and what to do next. Its
// code decides the exit code of the command.
type Error struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Hint      string `json:"hint"`
	Exit      int    `json:"exit"`
	Retryable bool   `json:"retryable"`
	Ways      []Way  `json:"ways,omitempty"`    // what was tried, where a meeting was sought
	Missing   []Lack `json:"missing,omitempty"` // what was waited for, where the time ran out
	Cursor    int64  `json:"cursor,omitempty"`  // to go on from, where events were waited for
}

// ErrorReply is how an error is printed with --json and sent by the local API.
type ErrorReply struct {
	Schema int    `json:"schema"`
	Error  *Error `json:"error"`
}

// Errorf makes an Error of the given code and hint; exit code and retryability
// follow from the code.
func Errorf(code, hint, format string, args ...any) *Error {
	e, ok := exits[code]
	if !ok {
		e = exits[CodeUnexpected]
	}
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint, Exit: e.exit, Retryable: e.retryable}
}

func (e *Error) Error() string { return e.Message }
