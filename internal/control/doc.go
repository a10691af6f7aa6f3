// Package control is the local API of a daemon: HTTP with JSON over the Unix
// socket of its root, and the typed client that every command uses.
//
//	GET  /v1/status            api.Status
//	POST /v1/invites           api.InviteRequest  → api.InviteLine
//	POST /v1/join              api.JoinRequest    → lines: api.ProgressLine …, api.JoinedLine or api.ErrorReply
//	GET  /v1/events?since=ID   lines: api.Event …; those after ID that are remembered, then new ones
//	POST /v1/wait/synced       api.SyncedRequest  → lines: api.SyncedLine …, the last of type synced, or api.ErrorReply
//	POST /v1/wait/paths        api.PathsRequest   → lines: api.FileHere …, a line of type end, or api.ErrorReply
//	POST /v1/wait/new          api.NewRequest     → lines: api.NewFile …, a line of type end, or api.ErrorReply
//	POST /v1/send              api.SendRequest    → lines: api.SendLine …, api.SentLine or api.ErrorReply
//	GET  /v1/log?…             lines: api.Event …, a line of type end; since, after, by, path, limit, all as in api.LogRequest
//	GET  /v1/devices           api.Devices
//	POST /v1/devices/rename    api.RenameRequest  → api.RenamedLine
//	POST /v1/devices/remove    api.RemoveRequest  → api.RemovedLine
//	POST /v1/devices/add       api.AddRequest     → api.AddedLine
//	POST /v1/leave             api.LeaveRequest   → api.LeftLine; then the daemon starts anew
//	POST /v1/stop              asks the daemon to stop
//	GET  /v1/version           api.Version
//
// An error is an [api.ErrorReply]. Every answer says in [VersionHeader] which
// botsync gave it.
//
// # Who may ask
//
// The socket is 0600 in a directory that only its owner may enter: whoever can
// connect is that user. The user's browser must not be tricked into it should
// the socket ever be bridged to a port, so a request that carries an Origin, or
// a Host other than "botsync", is refused.
//
// # When the client goes away
//
// A request ends with its client: a join whose command was interrupted is
// cancelled. Invites are the daemon's own and stay open.
package control
