package daemon

import (
	"context"
	"errors"
	"slices"

	"github.com/botsync/botsync/internal/api"
)

// lookBatch is how many paths are looked at in one go.
const lookBatch = 1000

// KeepVersions resolves conflicts. With paths it does all or, if it is not clear
// what is meant, nothing; with All, what it can.
func (d *daemon) KeepVersions(ctx context.Context, req api.KeepRequest) (*api.ResolvedLine, error) {
	choice, err := d.choice(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := d.resolving.lock(ctx); err != nil {
		return nil, err
	}
	defer d.resolving.unlock()
	targets, err := d.resolvable(ctx, req)
	if err != nil {
		return nil, err
	}
	r := newResolver(d, req.DryRun)
	var plan []planned
	for _, c := range targets {
		keep, err := c.plan(req.Keep, choice, d.self().Role)
		if err != nil && !req.All {
			return nil, err
		}
		if err != nil {
			r.skip(c, api.Resolution{}, err)
			continue
		}
		plan = append(plan, planned{c, keep})
	}
	r.run(ctx, plan)
	if n := len(r.line.Resolved); n > 0 && !req.DryRun {
		d.log.Info("resolved conflicts", "count", n)
	}
	return r.line, ctx.Err()
}

func asAPI(err error) *api.Error {
	var e *api.Error
	if errors.As(err, &e) {
		return e
	}
	return api.Errorf(api.CodeUnexpected, "", "%v", err)
}

// lookAtPaths has the index take up what is at paths, by folder ID.
func (d *daemon) lookAtPaths(paths map[string][]string) error {
	for id, all := range paths {
		for batch := range slices.Chunk(all, lookBatch) {
			if err := d.engine.Scan(id, batch...); err != nil {
				return err
			}
		}
	}
	return nil
}
