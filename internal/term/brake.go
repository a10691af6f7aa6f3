package term

import (
	"fmt"
	"strings"

	"github.com/botsync/botsync/internal/api"
)

// HeldFiles says what vanished from a folder and is held, on one line.
func HeldFiles(folder string, h api.Held) string {
	text := fmt.Sprintf("%d of %s in %s/ vanished here and are held", h.Files, Count(h.Of, "file", "files"), Clean(folder))
	if h.Emptied > 0 {
		text += fmt.Sprintf(" (%d overwritten with nothing)", h.Emptied)
	}
	if len(h.Names) == 0 {
		return text + "."
	}
	names := make([]string, len(h.Names))
	for i, name := range h.Names {
		names[i] = Clean(name)
	}
	more := ""
	if n := h.Files - len(names); n > 0 {
		more = fmt.Sprintf(" and %s", Count(n, "other", "others"))
	}
	return text + ": " + strings.Join(names, ", ") + more + "."
}

// brakeLine tells an event about a folder that is held.
func brakeLine(e api.Event) string {
	folder, files := Clean(e.Folder)+"/", Count(e.Files, "file", "files")
	if e.Type == api.EventHeld {
		return fmt.Sprintf("%s is held: %s vanished here, and no other device is told", folder, files)
	}
	how := Clean(e.Action)
	switch e.Action {
	case api.ActionAccepted:
		how = "the other devices are told that " + files + " are gone"
	case api.ActionUndone:
		how = "its files come back from the other devices"
	case api.ActionReturned:
		how = "nothing is missing any more"
	case api.ActionOff:
		how = "the brake was turned off"
	}
	return fmt.Sprintf("%s is held no more: %s", folder, how)
}
