package term

import (
	"fmt"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Event writes an event as one line for a person to standard output.
func (t *Terminal) Event(e api.Event) error {
	return t.Data(eventLine(e))
}

// eventTime is how a person reads when something happened, also another day.
const eventTime = time.DateTime

func eventLine(e api.Event) string {
	who := "a device that has left"
	if e.Device != nil {
		if who = Device(*e.Device); e.Device.Name == "" {
			id, _, _ := strings.Cut(Clean(e.Device.ID), "-")
			who = "device " + id
		}
	}
	path := Clean(e.Folder + "/" + e.Path)
	what := Clean(e.Type)
	switch e.Type {
	case api.EventFileReceived, api.EventFileChanged:
		what = fmt.Sprintf("%s %s %s", who, done(e.Action), path)
		if e.Action == api.ActionNew || e.Action == api.ActionChanged {
			what += " (" + Bytes(e.Size) + ")"
		}
	case api.EventHeld, api.EventResumed:
		what = brakeLine(e)
	case api.EventConflict:
		what = fmt.Sprintf("a conflict: the version of %s is kept as %s", who, path)
	case api.EventIgnoresChanged:
		what = fmt.Sprintf("other patterns hold in %s/: %s kept out, before %d", Clean(e.Folder), Count(e.Files, "file or directory is", "files or directories are"), e.Before)
	case api.EventPeerAdded:
		what = who + " belongs to the network"
	case api.EventPeerRemoved:
		what = who + " does not belong to the network any more"
	case api.EventPeerConnected:
		what = who + " connected"
	case api.EventPeerDisconnected:
		what = who + " disconnected"
	case api.EventInviteOpened:
		what = "an invite was opened"
	case api.EventInviteJoined:
		what = who + " joined"
	case api.EventInviteExpired:
		what = "an invite expired"
	case api.EventFolderState:
		what = Clean(e.Folder) + "/ is " + Clean(e.State)
	case api.EventStopping:
		what = "the daemon is stopping"
	}
	return e.Time.Local().Format(eventTime) + "  " + what
}

// done is what somebody did to a file.
func done(action string) string {
	switch action {
	case api.ActionNew:
		return "made"
	case api.ActionTouched:
		return "touched"
	}
	return Clean(action)
}
