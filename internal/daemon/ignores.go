package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/ignores"
	"github.com/botsync/botsync/internal/root"
)

// Ignores says what is kept out of folders, and why.
func (d *daemon) Ignores(ctx context.Context, req api.IgnoresRequest) (*api.Ignores, error) {
	ids, err := d.folders()
	if err != nil {
		return nil, err
	}
	out := &api.Ignores{Time: time.Now().UTC(), Entries: []api.IgnoredOne{}, Problems: d.ignoreProblems()}
	limit := req.Limit
	if limit == 0 {
		limit = api.DefaultIgnores
	}
	var only, below string
	if req.Path != "" && req.Path != "." {
		if only, below, err = splitPath(req.Path); err != nil {
			return nil, err
		}
		out.Path = req.Path
	}
	for i, folder := range root.Folders {
		if only != "" && only != folder {
			continue
		}
		if only != "" && below != "." {
			v := d.engine.Verdict(ids[i], below)
			out.Explained = &api.Explained{Ignored: v.Ignored, Missing: missing(d.root.Folder(folder), below), IgnoreReason: reason(folder, v.Rule)}
			if v.Ignored {
				return out, nil
			}
		}
		err := d.engine.Ignored(ctx, ids[i], below, func(e ignores.Entry) bool {
			if out.Total++; limit < 0 || len(out.Entries) < limit {
				out.Entries = append(out.Entries, api.IgnoredOne{Path: path.Join(folder, e.Path), Directory: e.Dir, Size: e.Size, IgnoreReason: reason(folder, e.Rule)})
			}
			return true
		})
		if err != nil {
			return nil, fmt.Errorf("looking for what is kept out of %s: %w", folder, err)
		}
	}
	return out, nil
}

// missing reports whether a folder holds nothing of a name.
func missing(folder, name string) bool {
	dir, err := os.OpenRoot(folder)
	if err != nil {
		return false
	}
	defer dir.Close()
	_, err = dir.Lstat(name)
	return errors.Is(err, fs.ErrNotExist)
}

func reason(folder string, r *ignores.Rule) api.IgnoreReason {
	if r == nil {
		return api.IgnoreReason{}
	}
	out := api.IgnoreReason{Pattern: r.Pattern, Class: string(r.Class), Why: r.Class.Words(), From: "default", Line: r.Line}
	if r.File != "" {
		out.From = path.Join(folder, r.File)
	}
	if r.Line == 0 && r.Pattern == "!/"+ignores.SharedName {
		out.Why = "what this file says holds for all devices, so it is always synced"
	} else if r.Line == 0 && r.Pattern == "/"+ignores.LocalName {
		out.Why = "what this file says holds for this device alone"
	}
	return out
}

// ignoreProblems are files of patterns that cannot be used, and lines that admit
// less than they say.
func (d *daemon) ignoreProblems() []api.Problem {
	out := []api.Problem{}
	for _, e := range d.engine.IgnoreErrors() {
		e.File = path.Join(e.Folder, e.File)
		out = append(out, api.Problem{Code: "ignores_invalid",
			Message: fmt.Sprintf("%s. The patterns before hold.", strings.TrimSuffix(e.Error(), ".")),
			Hint:    "Mend the line, on any device if the file is .botsyncignore; docs/ignores.md says what a line can be."})
	}
	for _, refused := range d.engine.IgnoresRefused() {
		out = append(out, refusedProblem(refused.Folder, refused.Rules))
	}
	return out
}

// refusedProblem says that lines which a peer may have written do not admit what
// is guarded. It does not urge anybody to admit it.
func refusedProblem(folder string, rules []*ignores.Rule) api.Problem {
	first := rules[0]
	message := fmt.Sprintf("%s, line %d: %s admits no secrets and no version control here", path.Join(folder, first.File), first.Line, first.Pattern)
	if n := len(rules) - 1; n > 0 {
		message += fmt.Sprintf(", nor do %d other lines", n)
	}
	own := path.Join(folder, ignores.LocalName)
	return api.Problem{Code: "ignores_refused", Message: message + ": only " + own + " of this device does.",
		Hint: fmt.Sprintf("Remove the line; or, if this device is to sync them and its owner trusts every member with them, write the line into %s, here and on each device that is to have them.", own)}
}

// shownKept is how many kept directories status lists.
const shownKept = 20

// ignoredOf fills in what is kept out of a folder.
func (d *daemon) ignoredOf(f *api.Folder, id string) {
	n, at := d.engine.IgnoredCount(id)
	if !at.IsZero() {
		at = at.UTC().Truncate(time.Second)
		f.Ignored, f.IgnoredAt = n, &at
	}
	kept := d.engine.KeptDirs(id)
	f.KeptTotal = len(kept)
	for _, k := range kept[:min(len(kept), shownKept)] {
		f.Kept = append(f.Kept, keptDir(f.Name, k))
	}
}

func keptDir(folder string, k engine.KeptDir) api.KeptDir {
	return api.KeptDir{Path: path.Join(folder, k.Path), Holds: path.Join(folder, k.Holds), IgnoreReason: reason(folder, k.Rule)}
}

// notSynced says why a file has no entry in the index, if a pattern is why.
func (d *daemon) keptOut(id, folder, name string) (string, bool) {
	v := d.engine.Verdict(id, name)
	if !v.Ignored {
		return "", false
	}
	why := reason(folder, v.Rule)
	return fmt.Sprintf("it is kept out by the pattern %s (%s; %s)", why.Pattern, from(why), why.Why), true
}

func from(r api.IgnoreReason) string {
	if r.Line == 0 {
		return "default"
	}
	return fmt.Sprintf("%s:%d", r.From, r.Line)
}

// offlineIgnores is what is kept out of a folder, as its files say.
func offlineIgnores(dir string) *ignores.Set { return ignores.Open(dir, "").Set() }
