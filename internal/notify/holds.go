package notify

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/botsync/botsync/internal/api"
)

func holdOf(e api.Event) api.NotifyHold {
	h := api.NotifyHold{Folder: e.Folder, Action: e.Action, Held: e.Files, Path: e.Path, Time: e.Time, Event: e.ID}
	if e.Type == api.EventHeld {
		h.Action = api.EventHeld
	}
	return h
}

// holdLines tell of folders that are held, and of what a person can decide.
func holdLines(b api.NotifyBatch) string {
	var m strings.Builder
	for _, h := range b.Holds {
		folder, files := quoted(h.Folder+"/"), humanize.Comma(int64(h.Held))+" files"
		if h.Held == 1 {
			files = "1 file"
		}
		switch h.Action {
		case api.EventHeld:
			fmt.Fprintf(&m, "%s is held: %s vanished on this device", folder, files)
			if h.Path != "" {
				fmt.Fprintf(&m, ", the first %s", quoted(h.Folder+"/"+h.Path))
			}
			fmt.Fprintf(&m, ". No other device is told until a person decides: botsync resume %[1]s --undo brings them back, "+
				"botsync resume %[1]s --accept deletes them everywhere.\n", harmless(h.Folder))
		case api.ActionAccepted:
			fmt.Fprintf(&m, "%s is held no more: the other devices are told that they are gone: %s.\n", folder, files)
		case api.ActionUndone:
			fmt.Fprintf(&m, "%s is held no more: its files come back from the other devices.\n", folder)
		default:
			fmt.Fprintf(&m, "%s is held no more (%s).\n", folder, harmless(h.Action))
		}
	}
	return m.String()
}
