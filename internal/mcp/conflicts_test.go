package mcp

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
)

// conflicted is a daemon with three conflicts.
type conflicted struct {
	control.Backend // what is not asked for

	asked api.KeepRequest
}

func (*conflicted) Conflicts(context.Context) (*api.Conflicts, error) {
	of := func(p string, current bool) api.ConflictVersion {
		return api.ConflictVersion{Path: p, Current: current, Kind: api.KindFile, Size: 3, Modified: time.Unix(9, 0), Mine: current,
			Device: &api.Device{ID: "L", Name: "lap\x1btop"}}
	}
	out := &api.Conflicts{More: 1}
	for _, p := range []string{"inbox/b", "shared/a", "shared/\x1b[31mred"} {
		out.Conflicts = append(out.Conflicts, api.Conflict{Path: p, Versions: []api.ConflictVersion{of(p, true), of(p+".copy", false)}})
	}
	return out, nil
}

func (*conflicted) ConflictDiff(_ context.Context, req api.DiffRequest) (*api.ConflictDiffs, error) {
	out := &api.ConflictDiffs{}
	for _, p := range req.Paths {
		d := api.ConflictDiff{Path: p, Copy: api.ConflictVersion{Path: p + ".copy"}}
		switch p {
		case "inbox/b":
			d.Same = true
		case "shared/a":
			d.Diff = "-x\n+\ty\x1b[2J\u202e\u009b\U000e0041\n"
		default:
			d.Diff = strings.Repeat("x", maxDiff+1)
		}
		out.Files = append(out.Files, d)
	}
	return out, nil
}

func (c *conflicted) KeepVersions(_ context.Context, req api.KeepRequest) (*api.ResolvedLine, error) {
	c.asked = req
	switch req.Keep {
	case api.KeepOldest:
		return nil, api.Errorf(api.CodeAmbiguous, "Say which.", "several versions are meant")
	case api.KeepTheirs:
		return &api.ResolvedLine{Skipped: []api.Unresolved{{Code: api.CodeChanged, Reason: "it is being changed"}}}, nil
	}
	return &api.ResolvedLine{DryRun: req.DryRun, Resolved: []api.Resolution{{Path: req.Paths[0], Kept: api.ConflictVersion{Path: "shared/a", Mine: true},
		Replaced: []api.ConflictVersion{{Path: "shared/a.copy"}}, Placed: []string{"shared/\nb"}}}}, nil
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	f := &conflicted{}
	serve(t, r, &fake{Backend: f})
	s := connect(t, of(r), nil)
	paths := func(out conflictsOutput) (got []string) {
		for _, c := range out.Conflicts {
			got = append(got, c.Path)
		}
		return got
	}
	for _, test := range []struct {
		args map[string]any
		want []string
		more int
	}{
		{map[string]any{}, []string{"inbox/b", "shared/a", "shared/\ufffd[31mred"}, 1},
		{map[string]any{"path": "shared"}, []string{"shared/a", "shared/\ufffd[31mred"}, 1},
		{map[string]any{"path": "shared/a.copy"}, []string{"shared/a"}, 1},
		{map[string]any{"limit": 1}, []string{"inbox/b"}, 3},
		{map[string]any{"path": "inbox/none"}, nil, 1},
	} {
		if out := call[conflictsOutput](t, s, "conflicts", test.args); !slices.Equal(paths(out), test.want) || out.More != test.more || out.Conflicts == nil {
			t.Errorf("%v: %q, and %d more", test.args, paths(out), out.More)
		}
	}
	out := call[conflictsOutput](t, s, "conflicts", map[string]any{"diff": true})
	if a, b, c := out.Conflicts[0].Versions[1], out.Conflicts[1].Versions[1], out.Conflicts[2].Versions[1]; a.NoDiff != "same" || b.Diff != "-x\n+\ty\ufffd[2J\ufffd\ufffd\ufffd\n" || c.NoDiff != "limit" {
		t.Errorf("%+v", out.Conflicts)
	} else if v := out.Conflicts[2].Versions[0]; !v.Mine || !v.Current || v.Device != "lap\ufffdtop" || v.PercentEncoded != "shared/%1B%5B31mred" {
		t.Errorf("%+v", v)
	}
	refuse(t, s, "conflicts", map[string]any{"path": "../x"})

	done := call[resolveOutput](t, s, "resolve_conflict", map[string]any{"path": "shared/a", "keep": "mine", "device": "laptop", "dry_run": true})
	if !done.DryRun || !done.Kept.Mine || done.Replaced[0].Path != "shared/a.copy" || done.Placed[0].Path != "shared/\ufffdb" ||
		f.asked.Keep != api.KeepMine || f.asked.Device != "laptop" || f.asked.All || !f.asked.DryRun || !slices.Equal(f.asked.Paths, []string{"shared/a"}) {
		t.Errorf("%+v, asked %+v", done, f.asked)
	}
	for keep, want := range map[string]string{api.KeepOldest: api.CodeAmbiguous, api.KeepTheirs: api.CodeChanged} {
		if msg := refuse(t, s, "resolve_conflict", map[string]any{"path": "shared/a", "keep": keep}); !strings.Contains(msg, want) {
			t.Error(msg)
		}
	}
	for _, args := range []map[string]any{{"path": "", "keep": "mine"}, {"path": "/etc/passwd", "keep": "mine"}, {"path": "shared/a", "keep": "yours"}} {
		refuse(t, s, "resolve_conflict", args)
	}
}
