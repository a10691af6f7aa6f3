package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
)

// A person is told of the state of a folder when it has changed.
func TestEventPrinter(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{term: term.New(&out, &out, term.Options{})}
	show := a.eventPrinter()
	for _, e := range []api.Event{
		{Type: api.EventFolderState, Folder: "inbox", State: api.FolderSyncing},
		{Type: api.EventFolderState, Folder: "inbox", State: api.FolderSyncing},
		{Type: api.EventFolderState, Folder: "shared", State: api.FolderSyncing},
		{Type: api.EventStopping},
		{Type: api.EventStopping},
		{Type: api.EventFolderState, Folder: "inbox", State: api.FolderIdle},
		{Type: api.EventFolderState, Folder: "inbox", State: api.FolderSyncing},
	} {
		if err := show(e); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, what, _ := strings.Cut(line, "  ")
		got = append(got, strings.TrimSpace(what))
	}
	want := "inbox/ is syncing, shared/ is syncing, the daemon is stopping, the daemon is stopping, inbox/ is idle, inbox/ is syncing"
	if strings.Join(got, ", ") != want {
		t.Errorf("%q", got)
	}
}
