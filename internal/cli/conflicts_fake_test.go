package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// fakeConflicts is the part of the fake daemon that knows of conflicts: one.
type fakeConflicts struct{}

var fakeConflict = api.Conflict{Path: "shared/\x1b[31mred", Versions: []api.ConflictVersion{
	{Path: "shared/\x1b[31mred", Current: true, Kind: api.KindFile, Size: 2048, Modified: time.Now().Add(-time.Hour), Device: &fakePhone},
	{Path: "shared/red.sync-conflict-20261122-101112-I3FSKGD", Kind: api.KindFile, Size: 7, Modified: time.Now().Add(-2 * time.Hour), Device: &fakeSelf, Mine: true},
}}

func (fakeConflicts) Conflicts(context.Context) (*api.Conflicts, error) {
	return &api.Conflicts{Schema: api.Schema, Type: api.TypeConflicts, Conflicts: []api.Conflict{fakeConflict}}, nil
}

func (fakeConflicts) ConflictDiff(_ context.Context, req api.DiffRequest) (*api.ConflictDiffs, error) {
	if len(req.Paths) > 0 && req.Paths[0] != "shared/red" {
		return nil, api.Errorf(api.CodeNoConflict, "", "there is no other version of %s", req.Paths[0])
	}
	d := api.ConflictDiff{Path: fakeConflict.Path, Current: fakeConflict.Versions[0], Copy: fakeConflict.Versions[1]}
	binary := d
	binary.Why, binary.CurrentSHA256, binary.CopySHA256 = "binary", "aaaa", "bbbb"
	d.Diff = "--- a\n+++ b\n@@ -1 +1 @@\n-one\n+\x1b]0;two\x07\tthree\n"
	return &api.ConflictDiffs{Schema: api.Schema, Type: api.TypeDiff, Files: []api.ConflictDiff{d, binary}}, nil
}

func (fakeConflicts) KeepVersions(_ context.Context, req api.KeepRequest) (*api.ResolvedLine, error) {
	if req.Keep == api.KeepOldest {
		return nil, api.Errorf(api.CodeAmbiguous, "Say which.", "several versions are meant")
	}
	line := &api.ResolvedLine{Schema: api.Schema, Type: api.TypeResolved, DryRun: req.DryRun, Skipped: []api.Unresolved{},
		Resolved: []api.Resolution{{Path: fmt.Sprint(req.Paths, req.Keep, req.Device), Kept: fakeConflict.Versions[1]}}}
	if req.All {
		line.Skipped = append(line.Skipped, api.Unresolved{Path: "shared/x", Code: api.CodeAmbiguous, Reason: "several versions of shared/x are meant"})
	}
	if req.Keep == api.KeepBoth {
		line.Resolved[0].Placed = []string{"shared/red-vps"}
	}
	return line, nil
}
