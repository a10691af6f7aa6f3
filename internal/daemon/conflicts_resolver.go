package daemon

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/botsync/botsync/internal/api"
)

// resolver resolves conflicts one after the other, and writes down what it did and what
// not: whatever fails, the answer has it all.
type resolver struct {
	d    *daemon
	look func(paths map[string][]string) error // has the index take up paths, by folder ID
	line *api.ResolvedLine

	touched map[string][]string // paths by folder ID, of which the index has not heard
	count   int                 // of them
	told    []func()            // to call when they were looked at
}

func newResolver(d *daemon, dry bool) *resolver {
	return &resolver{d: d, look: d.lookAtPaths, touched: map[string][]string{}, line: &api.ResolvedLine{Schema: api.Schema, Type: api.TypeResolved,
		DryRun: dry, Resolved: []api.Resolution{}, Skipped: []api.Unresolved{}}}
}

func (r *resolver) run(ctx context.Context, plan []planned) {
	defer func() {
		for _, done := range r.told {
			done()
		}
	}()
	for i, p := range plan {
		if ctx.Err() != nil {
			break
		}
		if r.line.DryRun {
			r.line.Resolved = append(r.line.Resolved, p.c.resolution(p.keep))
			continue
		}
		if r.count >= untold {
			if err := r.tell(); err != nil {
				for _, left := range plan[i:] {
					r.skip(left.c, api.Resolution{}, err)
				}
				break
			}
		}
		r.resolve(p)
	}
	// Also what was done before the client went is told to the peers.
	if err := r.tell(); err != nil {
		e := asAPI(explain(r.d.root, err))
		r.line.Untold = api.Errorf(e.Code, cmp.Or(e.Hint, "The next scan of the folder tells them."), "the other devices do not know of it yet: %s", e.Message)
	}
}

func (r *resolver) resolve(p planned) {
	done, end, err := r.d.resolve(p.c, p.keep)
	r.told = append(r.told, end)
	for _, v := range p.c.versions {
		r.touched[p.c.id] = append(r.touched[p.c.id], filepath.FromSlash(v.path))
	}
	r.count += len(p.c.versions)
	for _, placed := range done.Placed {
		r.touched[p.c.id] = append(r.touched[p.c.id], filepath.FromSlash(strings.TrimPrefix(placed, p.c.folder+"/")))
	}
	if err != nil {
		r.d.log.Warn("a conflict is not resolved", "folder", p.c.folder, "path", p.c.path, "error", err)
		r.skip(p.c, done, err)
		return
	}
	r.line.Resolved = append(r.line.Resolved, done)
}

// tell has the index take up what was done since it last did.
func (r *resolver) tell() error {
	if err := r.look(r.touched); err != nil {
		return err
	}
	r.touched, r.count = map[string][]string{}, 0
	return nil
}

// skip writes down a conflict that stays, and what was done of it before that.
func (r *resolver) skip(c *inConflict, done api.Resolution, err error) {
	e := asAPI(explain(r.d.root, err))
	r.line.Skipped = append(r.line.Skipped, api.Unresolved{Path: c.folder + "/" + c.path, Code: e.Code, Reason: e.Message,
		Replaced: done.Replaced, Placed: done.Placed})
}

// untold is how many files are replaced or removed before the index learns of it. A
// kill leaves fewer unaccounted for than would be held as a disaster.
const untold = 40
