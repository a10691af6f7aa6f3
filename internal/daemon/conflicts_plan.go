package daemon

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/conflict"
)

// planned is a conflict with what is to become of it.
type planned struct {
	c    *inConflict
	keep int // index of the version, or -1 for both
}

// plan returns the version to keep, or -1 for all.
func (c *inConflict) plan(keep string, choice conflict.Choice, role api.Role) (int, error) {
	name := c.folder + "/" + c.path
	if role.ReceiveOnly(c.folder) {
		return 0, api.Errorf(api.CodeReceiveOnly, "Resolve it on a device that writes to "+c.folder+"/.",
			"%s cannot be resolved here: %s/ is receive-only", name, c.folder)
	}
	if keep == api.KeepBoth {
		return -1, nil
	}
	i, err := conflict.Choose(c.choices(), choice)
	if err != nil {
		why := "none of the versions of %s is meant: %s"
		if errors.Is(err, conflict.ErrSeveral) {
			why = "several versions of %s are meant: %s"
		}
		return 0, api.Errorf(api.CodeAmbiguous, "Say which by --device NAME, keep newest, keep oldest, or name one conflict copy.",
			why, name, c.describe())
	}
	if current := c.versions[0]; i != 0 && !current.deleted() && (current.file.Directory || current.file.Symlink) {
		return 0, api.Errorf(api.CodeAmbiguous, `Keep both, or move what is there away.`, "%s is no file now", name)
	}
	return i, nil
}

// describe says who made the versions.
func (c *inConflict) describe() string {
	var parts []string
	for _, v := range c.versions {
		who := "an unknown device"
		if v.author != nil {
			who = fmt.Sprintf("%q", v.author.Name)
			if v.mine {
				who = "this device"
			}
		}
		what := "the current one"
		switch {
		case v.current && v.deleted():
			what = "the deletion"
		case !v.current:
			what = path.Base(v.path)
		}
		parts = append(parts, what+" is by "+who)
	}
	return strings.Join(parts, ", ")
}

// resolution says what resolve would do, but for the names of what is placed.
func (c *inConflict) resolution(keep int) api.Resolution {
	out := api.Resolution{Path: c.folder + "/" + c.path, Kept: c.shownVersion(c.versions[max(keep, 0)])}
	for i, v := range c.versions {
		switch {
		case i == keep || keep < 0 && v.current || v.deleted():
		case keep < 0:
			out.Placed = append(out.Placed, c.folder+"/"+c.beside(v, 1))
		default:
			out.Replaced = append(out.Replaced, c.shownVersion(v))
		}
	}
	return out
}

// choice checks a request, and finds the device that it names.
func (d *daemon) choice(ctx context.Context, req api.KeepRequest) (conflict.Choice, error) {
	c := conflict.Choice{Keep: req.Keep}
	words := []string{api.KeepMine, api.KeepTheirs, api.KeepBoth, api.KeepNewest, api.KeepOldest}
	switch {
	case req.Keep == "" && req.Device == "" || req.Keep != "" && !slices.Contains(words, req.Keep):
		return c, api.Errorf(api.CodeUsage, "Choose from "+strings.Join(words, ", ")+", or name a device.", "%q is no version", req.Keep)
	case req.Keep == api.KeepBoth && req.Device != "":
		return c, api.Errorf(api.CodeUsage, "Leave the device out.", "both versions are kept, whoever made them")
	case req.All == (len(req.Paths) > 0):
		return c, api.Errorf(api.CodeUsage, "Name files, or give --all.", "it is not said which conflicts to resolve")
	}
	if req.Device != "" {
		members := []api.Device{d.self()}
		for id := range d.members.records().Records {
			if id != d.members.self {
				members = append(members, *d.members.device(id))
			}
		}
		by, err := whoever(ctx, d.state, req.Device, members)
		if err != nil {
			return c, err
		}
		c.Device = by.ID
	}
	return c, nil
}

// resolvable returns the conflicts that a request means, as the disk has them.
func (d *daemon) resolvable(ctx context.Context, req api.KeepRequest) ([]*inConflict, error) {
	find := func() ([]*inConflict, error) {
		if !req.All {
			return d.namedConflicts(ctx, req.Paths)
		}
		all, err := d.allConflicts(ctx, "")
		return slices.DeleteFunc(all, func(c *inConflict) bool { return c.doubt != "" }), err
	}
	found, err := find()
	if err != nil {
		return nil, err
	}
	paths := map[string][]string{}
	for _, c := range found {
		for _, v := range c.versions {
			paths[c.id] = append(paths[c.id], filepath.FromSlash(v.path))
		}
	}
	if err := d.lookAtPaths(paths); err != nil {
		return nil, explain(d.root, err)
	}
	return find()
}
