package term

import (
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
)

// What was changed here only is named, and keeps the first line from saying that
// all is the same.
func TestChangedHereOnly(t *testing.T) {
	t.Parallel()
	st := &api.Status{State: api.StateRunning, Peers: []api.Peer{{Connected: true}},
		Folders: []api.Folder{{Name: "inbox", State: api.FolderIdle, ReceiveOnly: true}}}
	term := &Terminal{}
	if got := term.localChanges(st, 80); got != "" || !strings.Contains(term.summary(st), "In sync") {
		t.Errorf("without changes: %q", got)
	}
	st.Folders[0].LocalChanges = 3
	st.Folders[0].Changes = []api.LocalChange{{Path: "inbox/\x1b[31mred", Change: api.LocalDeleted}}
	got := term.localChanges(st, 80)
	for _, want := range []string{"Changed here only", "deleted  inbox/", "and 2 others", `"botsync revert"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if strings.Contains(got, "\x1b[31m") {
		t.Errorf("it is not clean: %q", got)
	}
	if got := term.summary(st); !strings.Contains(got, "but for 3 changes here only") {
		t.Errorf("the first line: %q", got)
	}
	if row := strings.Join(term.folderRow(st, st.Folders[0]), " "); !strings.Contains(row, "receive-only") || !strings.Contains(row, "3 changes here only") {
		t.Errorf("the folder: %q", row)
	}
}
