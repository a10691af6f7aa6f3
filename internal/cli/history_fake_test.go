package cli

import (
	"context"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// fakeHistory is the part of the fake daemon that knows old versions.
type fakeHistory struct{}

var fakeTime = time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)

func (fakeHistory) History(_ context.Context, req api.HistoryRequest) (*api.History, error) {
	list := &api.History{Schema: api.Schema, Type: api.TypeHistory, Versions: []api.OldVersion{}, Unreachable: []api.Device{}}
	if req.Path == "shared/none" {
		return list, nil
	}
	list.Versions = append(list.Versions, api.OldVersion{Path: "shared/\x1b[31mred", Time: fakeTime, Change: api.ActionDeleted, Kind: api.KindFile,
		Device: &fakePhone, Size: 2048, Here: !req.Deleted, Peers: []api.Device{fakePhone}})
	list.More = req.Limit == 1
	if !req.Here {
		list.Unreachable = append(list.Unreachable, api.Device{ID: "NAS", Name: "nas"})
	}
	return list, nil
}

func (fakeHistory) Restore(_ context.Context, req api.RestoreRequest) (*api.RestoredLine, error) {
	if req.Path == "shared/none" {
		return nil, api.Errorf(api.CodeNoVersion, "See botsync history.", "there is no old version of %s", req.Path)
	}
	line := &api.RestoredLine{Schema: api.Schema, Type: api.TypeRestored, DryRun: req.DryRun, To: req.To, Restored: 1,
		Files: []api.RestoredFile{{Path: "shared/\x1b[31mred", Time: fakeTime, Kind: api.KindFile, Size: 1}}, Skipped: []api.SkippedFile{}, Unreachable: []api.Device{}}
	if req.Deleted && req.Path == "shared/away" {
		line.Skipped = append(line.Skipped, api.SkippedFile{Path: "shared/b", Reason: api.SkippedAway, Message: "who has it does not answer"})
	}
	return line, nil
}

func (fakeHistory) Undo(_ context.Context, req api.UndoRequest) (*api.UndoneLine, error) {
	line := &api.UndoneLine{Schema: api.Schema, Type: api.TypeUndone, DryRun: req.DryRun, Device: api.Device{Name: req.Device}, Since: req.Since,
		Files: []api.RestoredFile{}, New: []string{}, Skipped: []api.SkippedFile{}, Unreachable: []api.Device{}}
	if req.Device == "nobody" {
		return line, nil
	}
	line.Restored, line.Files = 2, append(line.Files, api.RestoredFile{Path: "shared/a"})
	line.New = append(line.New, "shared/made")
	if req.RemoveNew {
		line.Removed = 1
	}
	if !req.Force {
		line.Skipped = append(line.Skipped, api.SkippedFile{Path: "shared/c", Reason: api.SkippedChanged, Message: "somebody else has changed it since", Device: &fakePhone})
	}
	return line, nil
}
