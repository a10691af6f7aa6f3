package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/conflict"
	"github.com/botsync/botsync/internal/swap"
)

// resolving is held while versions are replaced.
type resolving struct {
	once sync.Once
	held chan struct{}
}

// lock waits until nobody else replaces versions, or ctx ends.
func (r *resolving) lock(ctx context.Context) error {
	r.once.Do(func() { r.held = make(chan struct{}, 1) })
	select {
	case r.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *resolving) unlock() { <-r.held }

// untold is how many files are replaced or removed before the index learns of it. A
// kill leaves fewer unaccounted for than would be held as a disaster.
const untold = 40

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

// planned is a conflict with what is to become of it.
type planned struct {
	c    *inConflict
	keep int // index of the version, or -1 for both
}

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

// skip writes down a conflict that stays, and what was done of it before that.
func (r *resolver) skip(c *inConflict, done api.Resolution, err error) {
	e := asAPI(explain(r.d.root, err))
	r.line.Skipped = append(r.line.Skipped, api.Unresolved{Path: c.folder + "/" + c.path, Code: e.Code, Reason: e.Message,
		Replaced: done.Replaced, Placed: done.Placed})
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

// tell has the index take up what was done since it last did.
func (r *resolver) tell() error {
	if err := r.look(r.touched); err != nil {
		return err
	}
	r.touched, r.count = map[string][]string{}, 0
	return nil
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

// letVanish has the versions vanish that go when one is kept, or all if keep is below
// 0, without being held as a disaster, until done is called. What was kept is not
// among them: if it vanishes as well, nobody has asked for that.
func (d *daemon) letVanish(c *inConflict, keep int) (done func()) {
	var paths []string
	for _, v := range c.versions {
		if !v.current || keep > 0 {
			paths = append(paths, c.folder+"/"+v.path)
		}
	}
	return d.expectLosses(paths)
}

func asAPI(err error) *api.Error {
	var e *api.Error
	if errors.As(err, &e) {
		return e
	}
	return api.Errorf(api.CodeUnexpected, "", "%v", err)
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

// beside is the n-th ordinary name for a version.
func (c *inConflict) beside(v version, n int) string {
	device := ""
	if v.author != nil {
		device = v.author.Name
	}
	return conflict.Beside(c.path, v.file.Modified, device, n)
}

// resolve keeps one version of a file, or all if keep is below 0. With an error it says
// what was done before that. The versions that have to vanish for that are not held
// until told is called; if it comes to nothing, whatever vanishes is.
func (d *daemon) resolve(c *inConflict, keep int) (out api.Resolution, told func(), err error) {
	told = func() {}
	dir, err := d.openDir(c)
	if err != nil {
		return out, told, err
	}
	defer dir.Close()
	for _, v := range c.versions {
		if err := asKnown(dir, v); err != nil {
			return out, told, err
		}
	}
	told = d.letVanish(c, keep)
	replaced, placed, err := d.settle(c, keep, dir)
	if err != nil {
		told()
		told, out.Placed = func() {}, placed
		for _, v := range replaced {
			out.Replaced = append(out.Replaced, c.shownVersion(v))
		}
		return out, told, err
	}
	out = c.resolution(keep)
	out.Placed = placed
	return out, told, nil
}

// settle does it, in the directory of the file. It returns the versions that are in the
// history now, and the names of what was placed beside the file, also with an error.
func (d *daemon) settle(c *inConflict, keep int, dir *os.Root) (replaced []version, placed []string, err error) {
	store := func(name string) error { return d.keepIn(dir, c, name) }
	if keep < 0 {
		placed, err = c.placeAll(dir, store)
		return nil, placed, err
	}
	base := path.Base(c.path)
	if keep > 0 {
		winner := path.Base(c.versions[keep].path)
		if c.versions[0].deleted() {
			err = swap.Place(dir, winner, base)
		} else {
			err = swap.Replace(dir, base, winner, store)
		}
		if errors.Is(err, swap.ErrTaken) {
			err = changed(c.folder + "/" + c.path)
		}
		if err != nil {
			return nil, nil, err
		}
		if !c.versions[0].deleted() {
			replaced = append(replaced, c.versions[0])
		}
	}
	for i, v := range c.versions {
		if i == 0 || i == keep {
			continue
		}
		if err := swap.Drop(dir, path.Base(v.path), store); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return replaced, nil, err
		}
		replaced = append(replaced, v)
	}
	return replaced, nil, nil
}

// placeAll gives the conflict copies ordinary names, and returns these. The first
// takes the name of a file that is not there.
func (c *inConflict) placeAll(dir *os.Root, store func(string) error) ([]string, error) {
	var placed []string
	free := c.versions[0].deleted()
	for _, v := range c.versions[1:] {
		from, to := path.Base(v.path), c.path
		err := swap.ErrTaken
		if free {
			err = swap.Place(dir, from, path.Base(to))
			free = false
		}
		for n := 1; errors.Is(err, swap.ErrTaken) && n < 1000; n++ {
			to = c.beside(v, n)
			if same(dir, from, path.Base(to)) {
				err = swap.Drop(dir, from, store) // another device was faster, or a kill came between
			} else {
				err = swap.Place(dir, from, path.Base(to))
			}
		}
		if err != nil {
			return placed, err
		}
		placed = append(placed, c.folder+"/"+to)
	}
	return placed, nil
}

// asKnown returns an error if the disk has something else than the index.
func asKnown(dir *os.Root, v version) error {
	info, err := dir.Lstat(path.Base(v.path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if v.deleted() {
			return nil
		}
	case err != nil:
		return err
	case v.deleted():
	case v.file.Directory && info.IsDir(), v.file.Symlink && info.Mode()&fs.ModeSymlink != 0:
		return nil
	case info.Mode().IsRegular() && v.asIndexed(info):
		return nil
	}
	return changed(v.path)
}

// asIndexed reports whether a file on the disk has the size and time of the index's.
func (v version) asIndexed(info fs.FileInfo) bool {
	return v.known && !v.file.Deleted && info.Size() == v.file.Size && info.ModTime().Truncate(time.Second).Equal(v.file.Modified.Truncate(time.Second))
}

func changed(name string) error {
	return api.Errorf(api.CodeChanged, "Look at it again, and repeat the command.", "%s is being changed", name)
}
