package mcp

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

func TestHistoryTools(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	at := time.Date(2026, 11, 22, 15, 4, 5, 123456000, time.UTC)
	nas := api.Device{ID: "NAS", Name: "n\x1bas"}
	var asked api.HistoryRequest
	var restore api.RestoreRequest
	var undo api.UndoRequest
	skipped := []api.SkippedFile{{Path: "shared/c", Reason: api.SkippedChanged, Message: "somebody\nelse", Device: &nas}}
	serve(t, r, &fake{
		history: func(req api.HistoryRequest) *api.History {
			asked = req
			return &api.History{More: true, Unreachable: []api.Device{nas}, Versions: []api.OldVersion{
				{Path: "shared/\x1bred", Time: at, Change: api.ActionDeleted, Device: &nas, Size: 7, Modified: at, Here: true, Peers: []api.Device{nas}}}}
		},
		restore: func(req api.RestoreRequest) *api.RestoredLine {
			restore = req
			line := &api.RestoredLine{Restored: 300, Skipped: skipped}
			for range 300 {
				line.Files = append(line.Files, api.RestoredFile{Path: "shared/\x1bred", Time: at, Size: 7})
			}
			return line
		},
		undo: func(req api.UndoRequest) *api.UndoneLine {
			undo = req
			return &api.UndoneLine{Restored: 1, Files: []api.RestoredFile{{Path: "shared/a", Time: at}}, New: []string{"shared/\x1bnew"}, Removed: 1}
		},
	})
	s := connect(t, of(r), nil)
	red := filePath{"shared/\ufffdred", "shared/%1Bred"}

	list := call[historyOutput](t, s, "history", map[string]any{"path": "shared/x", "deleted": true})
	want := historyOutput{More: true, Unreachable: []peerEntry{peerOf(nas)},
		Versions: []versionEntry{{filePath: red, Time: at, Change: "deleted", Device: "n\ufffdas", Size: 7, Modified: at, Here: true, Peers: []string{"n\ufffdas"}}}}
	if d := cmp.Diff(want, list, cmp.AllowUnexported(versionEntry{}, peerEntry{})); d != "" {
		t.Error(d)
	}
	if asked.Path != "shared/x" || !asked.Deleted || asked.Limit != standardHistory {
		t.Errorf("%+v", asked)
	}

	restored := call[restoreOutput](t, s, "restore", map[string]any{"path": "shared/x", "at": at, "dry_run": true})
	if restored.Restored != 300 || len(restored.Files) != maxRestored || restored.Files[0].filePath != red ||
		len(restored.Skipped) != 1 || restored.Skipped[0].Note != "somebody\ufffdelse" || restored.Skipped[0].Device != "n\ufffdas" {
		t.Errorf("%d: %+v", len(restored.Files), restored.Skipped)
	}
	if restore.Path != "shared/x" || !restore.At.Equal(at) || !restore.DryRun || restore.Deleted {
		t.Errorf("%+v", restore)
	}
	call[restoreOutput](t, s, "restore", map[string]any{"deleted": true})
	if restore.Path != "" || !restore.Deleted {
		t.Errorf("%+v", restore)
	}

	undone := call[undoOutput](t, s, "undo", map[string]any{"by": "agent", "since": at, "path": "shared", "remove_new": true, "force": true, "dry_run": true})
	if undone.Restored != 1 || undone.Removed != 1 || len(undone.New) != 1 || undone.New[0].PercentEncoded != "shared/%1Bnew" {
		t.Errorf("%+v", undone)
	}
	if undo.Device != "agent" || !undo.Since.Equal(at) || undo.Path != "shared" || !undo.RemoveNew || !undo.Force || !undo.DryRun {
		t.Errorf("%+v", undo)
	}

	for tool, args := range map[string]map[string]any{
		"history": {"path": "../outside"}, "restore": {"path": ".botsync/identity/key.pem"}, "undo": {"by": "a", "since": at, "path": "/etc"},
	} {
		if text := refuse(t, s, tool, args); !strings.Contains(text, "usage") {
			t.Errorf("%s: %s", tool, text)
		}
	}
	if text := refuse(t, s, "restore", map[string]any{}); !strings.Contains(text, "No file was named") {
		t.Error(text)
	}
}
