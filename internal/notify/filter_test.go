package notify

import (
	"testing"

	"github.com/botsync/botsync/internal/api"
)

// The folders that notify follow a role that changes while the daemon runs.
func TestFoldersThatChange(t *testing.T) {
	t.Parallel()
	folders := []string{"inbox"}
	f := Filter{Folders: []string{"shared"}, FoldersNow: func() []string { return folders }}
	matches := func(folder string) bool {
		return f.Matches(api.Event{Type: api.EventFileReceived, Action: api.ActionNew, Folder: folder})
	}
	if !matches("inbox") || matches("shared") || matches("deliverables") {
		t.Error("it is not those of now")
	}
	folders = []string{"deliverables"}
	if matches("inbox") || !matches("deliverables") {
		t.Error("it is not those of later")
	}
}
