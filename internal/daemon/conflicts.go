package daemon

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/conflict"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
)

// inConflict is a file of which there are several versions.
type inConflict struct {
	folder, id string // name and engine's ID
	path       string // within the folder
	versions   []version
	doubt      string
}

// version is one of them.
type version struct {
	path    string // within the folder
	current bool
	file    engine.File // as the index has it; zero if it knows of no such file
	known   bool        // to the index
	author  *api.Device // nil if not known
	mine    bool
}

func (v version) deleted() bool { return !v.known || v.file.Deleted }

// Conflicts lists the files of which there are several versions.
func (d *daemon) Conflicts(ctx context.Context) (*api.Conflicts, error) {
	all, err := d.allConflicts(ctx, "")
	if err != nil {
		return nil, err
	}
	out := &api.Conflicts{Schema: api.Schema, Type: api.TypeConflicts, Conflicts: []api.Conflict{}}
	for i, c := range all {
		if i == api.MaxConflicts {
			out.More = len(all) - i
			break
		}
		out.Conflicts = append(out.Conflicts, c.shown())
	}
	return out, nil
}

// allConflicts returns the files in conflict of a folder, or of all, in the order of
// their paths.
func (d *daemon) allConflicts(ctx context.Context, only string) ([]*inConflict, error) {
	m, _, _ := d.members.current()
	if m.Network == "" {
		return nil, nil
	}
	var out []*inConflict
	for _, name := range root.Folders {
		if only != "" && only != name {
			continue
		}
		id := folderID(m.Network, name)
		copies, err := d.engine.ConflictCopies(id)
		if err != nil {
			return nil, err
		}
		byPath := map[string]*inConflict{}
		for _, p := range copies {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			of, err := d.engine.OriginalOf(id, p)
			if err != nil {
				return nil, err
			}
			c := byPath[of]
			if c == nil {
				if c, err = d.conflictOf(id, name, of); err != nil {
					return nil, err
				}
				byPath[of], out = c, append(out, c)
			}
			if err := d.addCopy(c, p); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *inConflict) int { return strings.Compare(a.folder+"/"+a.path, b.folder+"/"+b.path) })
	return out, nil
}

// conflictOf is a file with its current version alone.
func (d *daemon) conflictOf(id, folder, of string) (*inConflict, error) {
	c := &inConflict{folder: folder, id: id, path: of}
	file, known, err := d.engine.Local(id, of)
	if err != nil {
		return nil, err
	}
	v := version{path: of, current: true, file: file, known: known}
	if known {
		v.author = d.wrote(file.ModifiedBy)
	} else {
		c.doubt = "there never was a file " + folder + "/" + of
	}
	v.mine = v.author != nil && v.author.ID == d.members.self
	c.versions = []version{v}
	return c, nil
}

// addCopy adds a conflict copy.
func (d *daemon) addCopy(c *inConflict, p string) error {
	file, known, err := d.engine.Local(c.id, p)
	if err != nil || !known || file.Deleted {
		return err // it has gone since
	}
	n, _ := conflict.Parse(p)
	v := version{path: p, file: file, known: true, author: d.wrote(madeBy(n, file))}
	v.mine = v.author != nil && v.author.ID == d.members.self
	if d.wrote(n.Device) == nil && c.doubt == "" {
		c.doubt = path.Base(p) + " names a device that was never in this network"
	}
	c.versions = append(c.versions, v)
	return nil
}

// madeBy is the short ID of the device that made the version in a conflict copy. The
// name says so, unless it was written to since, or a Syncthing without botsync has
// named it: then it is whoever wrote the copy.
func madeBy(n conflict.Name, copied engine.File) string {
	if copied.Modified.UTC().Truncate(time.Second).Equal(n.Time) {
		return n.Device
	}
	return copied.ModifiedBy
}

// wrote is the device with a short ID that is or was a member; nil if none is.
func (d *daemon) wrote(short string) *api.Device {
	if short == "" {
		return nil
	}
	if engine.ShortID(d.members.self) == short {
		self := d.self()
		return &self
	}
	if known := d.members.author(short); known != nil {
		return known
	}
	for id := range d.members.records().Records {
		if engine.ShortID(id) == short {
			return d.members.device(id)
		}
	}
	return nil
}

func (c *inConflict) shown() api.Conflict {
	out := api.Conflict{Path: c.folder + "/" + c.path, Doubt: c.doubt, Versions: []api.ConflictVersion{}}
	for _, v := range c.versions {
		out.Versions = append(out.Versions, c.shownVersion(v))
	}
	return out
}

func (c *inConflict) shownVersion(v version) api.ConflictVersion {
	out := api.ConflictVersion{Path: c.folder + "/" + v.path, Current: v.current, Deleted: v.deleted(), Device: v.author, Mine: v.mine,
		Size: v.file.Size, Modified: v.file.Modified.UTC()}
	switch {
	case v.deleted():
		out.Size = 0
	case v.file.Directory:
		out.Kind, out.Size = "directory", 0
	case v.file.Symlink:
		out.Kind = api.KindSymlink
	default:
		out.Kind = api.KindFile
	}
	return out
}

// choices are the versions as package conflict takes them.
func (c *inConflict) choices() []conflict.Version {
	out := make([]conflict.Version, len(c.versions))
	for i, v := range c.versions {
		out[i] = conflict.Version{Path: v.path, Current: v.current, Mine: v.mine, Modified: v.file.Modified}
		if v.author != nil {
			out[i].Device = v.author.ID
		}
	}
	return out
}

// only is the conflict between the current version and one conflict copy.
func (c *inConflict) only(copied string) *inConflict {
	one := *c
	one.versions = slices.DeleteFunc(slices.Clone(c.versions), func(v version) bool { return !v.current && v.path != copied })
	return &one
}

// namedConflicts returns the conflicts that paths name, each once: a file with all
// of its versions, or a conflict copy with the current one.
func (d *daemon) namedConflicts(ctx context.Context, paths []string) ([]*inConflict, error) {
	lists := map[string][]*inConflict{}
	var out []*inConflict
	seen := map[string]bool{}
	for _, p := range paths {
		folder, rest, err := splitPath(p)
		if err != nil {
			return nil, err
		}
		if seen[folder+"/"+rest] {
			continue
		}
		seen[folder+"/"+rest] = true
		if lists[folder] == nil {
			if lists[folder], err = d.allConflicts(ctx, folder); err != nil {
				return nil, err
			}
		}
		found := (*inConflict)(nil)
		for _, c := range lists[folder] {
			if c.path == rest {
				found = c
			} else if slices.ContainsFunc(c.versions, func(v version) bool { return v.path == rest }) {
				found = c.only(rest)
			}
		}
		if found == nil {
			return nil, api.Errorf(api.CodeNoConflict, `"botsync conflicts" lists the files of which there are several versions.`,
				"there is no other version of %s/%s", folder, rest)
		}
		out = append(out, found)
	}
	return out, nil
}
