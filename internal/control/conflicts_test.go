package control

import (
	"context"
	"slices"
	"testing"

	"github.com/botsync/botsync/internal/api"
)

// Each request and each answer arrives as it was sent.
func TestConflicts(t *testing.T) {
	t.Parallel()
	f := &fake{Versions: conflicts{}}
	c := dial(t, serve(t, f))
	ctx := t.Context()
	if list, err := c.Conflicts(ctx); err != nil || list.More != 3 || list.Conflicts[0].Path != "a" {
		t.Errorf("%+v, %v", list, err)
	}
	if diffs, err := c.ConflictDiff(ctx, api.DiffRequest{Paths: []string{"a", "b"}}); err != nil || len(diffs.Files) != 2 || diffs.Files[1].Path != "b" {
		t.Errorf("%+v, %v", diffs, err)
	}
	line, err := c.KeepVersions(ctx, api.KeepRequest{Keep: api.KeepMine, Device: "d", Paths: []string{"a"}, DryRun: true})
	if err != nil || !line.DryRun || line.Resolved[0].Path != "a" || line.Skipped[0].Reason != "mine d" {
		t.Errorf("%+v, %v", line, err)
	}
	_, err = c.KeepVersions(ctx, api.KeepRequest{All: true})
	wantCode(t, err, api.CodeAmbiguous)
}

type conflicts struct{}

func (conflicts) Conflicts(context.Context) (*api.Conflicts, error) {
	return &api.Conflicts{Conflicts: []api.Conflict{{Path: "a"}}, More: 3}, nil
}

func (conflicts) ConflictDiff(_ context.Context, req api.DiffRequest) (*api.ConflictDiffs, error) {
	out := &api.ConflictDiffs{}
	for p := range slices.Values(req.Paths) {
		out.Files = append(out.Files, api.ConflictDiff{Path: p})
	}
	return out, nil
}

func (conflicts) KeepVersions(_ context.Context, req api.KeepRequest) (*api.ResolvedLine, error) {
	if req.All {
		return nil, api.Errorf(api.CodeAmbiguous, "", "which?")
	}
	return &api.ResolvedLine{DryRun: req.DryRun, Resolved: []api.Resolution{{Path: req.Paths[0]}},
		Skipped: []api.Unresolved{{Reason: req.Keep + " " + req.Device}}}, nil
}
