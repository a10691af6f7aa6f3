package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
)

// Revert takes back what was changed here in folders that are receive-only. What
// would be lost is kept before. It returns when what the network has is here again,
// unless that takes too long or nobody is connected who could have it.
func (d *daemon) Revert(ctx context.Context, req api.RevertRequest) (*api.RevertedLine, error) {
	line := &api.RevertedLine{Schema: api.Schema, Type: api.TypeReverted, DryRun: req.DryRun, Changes: []api.LocalChange{}}
	ids, err := d.folders()
	if err != nil {
		return nil, err
	}
	role := d.self().Role
	only := strings.TrimSuffix(req.Folder, "/")
	if only != "" && !slices.Contains(root.Folders, only) {
		return nil, api.Errorf(api.CodeUsage, "Choose from "+strings.Join(root.Folders, ", ")+".", "there is no folder %q", req.Folder)
	}
	keep, err := d.keepDir(time.Now())
	if err != nil {
		return nil, err
	}
	var reverted []string // folder IDs
	for i, name := range root.Folders {
		if only != "" && only != name {
			continue
		}
		if !role.ReceiveOnly(name) {
			if only != "" {
				return nil, notReceiveOnly(name, role)
			}
			continue
		}
		var slips []engine.Slip
		if req.DryRun {
			if err = d.lookAt(ctx, ids[i], name); err == nil {
				slips, err = d.engine.Slips(ids[i])
			}
		} else {
			slips, err = d.engine.Revert(ctx, ids[i], filepath.Join(keep, name))
		}
		if err != nil {
			return nil, explain(d.root, err)
		}
		line.Changes = append(line.Changes, localChanges(name, slips)...)
		if len(slips) > 0 {
			reverted = append(reverted, ids[i])
		}
	}
	if req.DryRun || len(reverted) == 0 {
		return line, nil
	}
	d.log.Info("reverted", "changes", len(line.Changes))
	if _, err := os.Stat(keep); err == nil {
		line.Kept = keep
	}
	line.Missing, err = d.awaitReverted(ctx, reverted, req.Timeout)
	return line, err
}

// awaitReverted returns what is still to come from peers when it has stopped
// waiting for it.
func (d *daemon) awaitReverted(ctx context.Context, folders []string, timeout time.Duration) (int, error) {
	if timeout <= 0 {
		timeout = api.DefaultRevert
	}
	ctx, cancel := waiting(ctx, timeout)
	defer cancel()
	missing := 0
	err := d.bell.await(ctx, func() (bool, error) {
		c, err := d.engine.Lacking(folders, 0)
		missing = c.NeedItems
		return missing == 0 || !d.anybody(), err
	})
	if outOfTime(ctx, err) {
		err = nil
	}
	return missing, err
}

// anybody reports whether a peer is connected.
func (d *daemon) anybody() bool {
	_, plan, _ := d.members.current()
	return slices.ContainsFunc(devices(plan), func(p api.Device) bool { return d.engine.Connected(p.ID) })
}

// keepDir is a directory that does not exist, for what is kept of a revert.
func (d *daemon) keepDir(now time.Time) (string, error) {
	base := filepath.Join(d.root.RevertedDir(), now.Format("20060102-150405"))
	dir := base
	for n := 2; ; n++ {
		_, err := os.Lstat(dir)
		if errors.Is(err, os.ErrNotExist) {
			return dir, nil
		}
		if err != nil {
			return "", explain(d.root, err)
		}
		dir = fmt.Sprintf("%s-%d", base, n)
	}
}

// slips counts what was changed here in folders that are receive-only.
func (d *daemon) slips(folders []string) (int, error) {
	count := 0
	for _, id := range folders {
		slips, err := d.engine.Slips(id)
		if err != nil {
			return 0, err
		}
		count += len(slips)
	}
	return count, nil
}

func localChanges(folder string, slips []engine.Slip) []api.LocalChange {
	var out []api.LocalChange
	for _, s := range slips {
		c := api.LocalChange{Path: folder + "/" + s.Path, Change: api.LocalChanged}
		switch {
		case s.Deleted:
			c.Change = api.LocalDeleted
		case s.New:
			c.Change = api.LocalNew
		}
		if s.Directory {
			c.Path += "/"
		}
		out = append(out, c)
	}
	return out
}
