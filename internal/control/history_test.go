package control

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/botsync/botsync/internal/api"
)

// histories is a daemon that says what it was asked.
type histories struct{}

func (histories) History(_ context.Context, req api.HistoryRequest) (*api.History, error) {
	return &api.History{Versions: []api.OldVersion{{Path: req.Path, Size: int64(req.Limit)}}, More: req.Here && req.Deleted}, nil
}

func (histories) Restore(_ context.Context, req api.RestoreRequest) (*api.RestoredLine, error) {
	return &api.RestoredLine{To: req.To, DryRun: req.DryRun, Files: []api.RestoredFile{{Path: req.Path, Time: req.At}}}, nil
}

func (histories) Undo(_ context.Context, req api.UndoRequest) (*api.UndoneLine, error) {
	return &api.UndoneLine{Device: api.Device{Name: req.Device}, Since: req.Since, DryRun: req.DryRun, New: []string{req.Path}}, nil
}

func TestHistoriesReachTheDaemon(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, &fake{}))
	at := time.Date(2026, 11, 22, 15, 4, 5, 6000, time.UTC)
	list, err := c.History(t.Context(), api.HistoryRequest{Path: "shared/a", Limit: 7, Here: true, Deleted: true})
	if want := (&api.History{Versions: []api.OldVersion{{Path: "shared/a", Size: 7}}, More: true}); err != nil || !cmp.Equal(want, list) {
		t.Errorf("%v: %s", err, cmp.Diff(want, list))
	}
	restored, err := c.Restore(t.Context(), api.RestoreRequest{Path: "shared/a", At: at, To: "/x", DryRun: true})
	if want := (&api.RestoredLine{To: "/x", DryRun: true, Files: []api.RestoredFile{{Path: "shared/a", Time: at}}}); err != nil || !cmp.Equal(want, restored) {
		t.Errorf("%v: %s", err, cmp.Diff(want, restored))
	}
	undone, err := c.Undo(t.Context(), api.UndoRequest{Device: "agent", Since: at, Path: "shared", DryRun: true})
	if want := (&api.UndoneLine{Device: api.Device{Name: "agent"}, Since: at, DryRun: true, New: []string{"shared"}}); err != nil || !cmp.Equal(want, undone) {
		t.Errorf("%v: %s", err, cmp.Diff(want, undone))
	}
	_, bad1 := c.History(t.Context(), api.HistoryRequest{Timeout: -1})
	_, bad2 := c.Restore(t.Context(), api.RestoreRequest{Timeout: -1})
	_, bad3 := c.Undo(t.Context(), api.UndoRequest{Timeout: -1})
	for _, err := range []error{bad1, bad2, bad3} {
		if e := asError(err); e.Code != api.CodeUsage {
			t.Errorf("a timeout below zero: %v", err)
		}
	}
}
