package daemon

import (
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
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
)

// restorers is how many files are written at a time: each waits for the disk.
const restorers = 8

// Restore brings one file back as it was, or all that are deleted below a
// directory.
func (d *daemon) Restore(ctx context.Context, req api.RestoreRequest) (*api.RestoredLine, error) {
	s, err := scopeOf(req.Path)
	if err != nil {
		return nil, err
	}
	line := &api.RestoredLine{Schema: api.Schema, Type: api.TypeRestored, DryRun: req.DryRun, To: req.To, Files: []api.RestoredFile{}, Skipped: []api.SkippedFile{}}
	if err := checkRestore(req, s); err != nil {
		return nil, err
	}
	if req.To != "" && d.root.InState(req.To) {
		return nil, api.Errorf(api.CodeUsage, "Name a file elsewhere.", "%s would be among botsync's own files", req.To)
	}
	f, err := d.find(ctx, s, history.Query{}, false, req.Timeout)
	if err != nil {
		return nil, explain(d.root, err)
	}
	line.Unreachable = orNone(f.unreachable)
	if req.Deleted {
		wanted := d.deleted(f.versions)
		if err := d.heldAmong(s); len(wanted) == 0 && err != nil {
			return nil, err
		}
		return line, d.bringBack(ctx, wanted, unconditionally, req.DryRun, &line.Restored, &line.Files, &line.Skipped)
	}
	v, err := d.chosen(f, req)
	if err != nil {
		if held := d.heldAmong(s); held != nil && !d.isThere(s.folders[0], s.path) {
			return nil, held
		}
		return nil, err
	}
	if req.To != "" {
		return line, d.restoreTo(ctx, v, line)
	}
	if d.receiveOnly(v.Folder) {
		return nil, api.Errorf(api.CodeReceiveOnly, "Restore it on a device that writes there, or to another place with --to.",
			"%s is receive-only on a device with the role %s: what is restored there does not travel", v.Folder, d.self().Role)
	}
	if err := d.bringBack(ctx, []history.Held{v}, unconditionally, req.DryRun, &line.Restored, &line.Files, &line.Skipped); err != nil {
		return nil, err
	}
	if len(line.Skipped) > 0 {
		return nil, api.Errorf(api.CodeRefused, "Move away what is there, or give another place with --to.", "%s", line.Skipped[0].Message)
	}
	return line, nil
}

// heldAmong is the error for what vanished here and no other device was told of: it
// is in no history, and the others have it still. Nil if there is nothing.
func (d *daemon) heldAmong(s scope) error {
	m, _, _ := d.members.current()
	for _, folder := range s.folders {
		if b := d.engine.Brake(folderID(m.Network, folder)); b.Held && !b.Deciding {
			return heldError(folder, *heldIn(folder, b))
		}
	}
	return nil
}

func checkRestore(req api.RestoreRequest, s scope) error {
	switch {
	case req.Deleted && (req.To != "" || !req.At.IsZero()):
		return api.Errorf(api.CodeUsage, "Restore one file with these.", "deleted files come back where they were, as they were last")
	case !req.Deleted && s.path == "":
		return api.Errorf(api.CodeUsage, "Name a file such as shared/report.md, or use --deleted for all files that are deleted.", "no file was named")
	case req.To != "" && !filepath.IsAbs(req.To):
		return api.Errorf(api.CodeUsage, "Give an absolute path.", "%q is not an absolute path", req.To)
	}
	return nil
}

// chosen is the version of one file that is meant.
func (d *daemon) chosen(f findings, req api.RestoreRequest) (history.Held, error) {
	_, rest, _ := splitPath(req.Path)
	versions := slices.DeleteFunc(slices.Clone(f.versions), func(v history.Held) bool { return v.Path != rest })
	if v, ok := history.At(versions, d.clock.said(req.At)); ok {
		return v, nil
	}
	hint := `"botsync history" lists what there is.`
	if len(f.unreachable) > 0 {
		hint = "These may have one, and do not answer: " + describe(f.unreachable) + "."
	}
	switch {
	case len(versions) > 0:
		return history.Held{}, api.Errorf(api.CodeNoVersion, hint, "%s has not changed since then", req.Path)
	case len(f.versions) > 0:
		return history.Held{}, api.Errorf(api.CodeNoVersion, `Name a file in it, or run "botsync restore --deleted `+req.Path+`".`, "%s is a directory", req.Path)
	}
	return history.Held{}, api.Errorf(api.CodeNoVersion, hint, "there is no old version of %s", req.Path)
}

// restoreTo puts a version into a file of the user's.
func (d *daemon) restoreTo(ctx context.Context, v history.Held, line *api.RestoredLine) error {
	if _, err := os.Lstat(line.To); err == nil {
		return api.Errorf(api.CodeExists, "Name a file that does not exist yet.", "%s is there already", line.To)
	}
	if line.DryRun {
		line.Restored, line.Files = 1, append(line.Files, d.restoredFile(v, d.ownerOf(v)))
		return nil
	}
	return d.withContent(ctx, v, func(got fetched) error {
		if got.err != nil {
			return api.Errorf(api.CodeUnreachable, "Try again when it answers.", "that version is on %s: %v", d.members.device(got.from).Name, got.err)
		}
		err := history.Export(line.To, got.content)
		if errors.Is(err, fs.ErrExist) {
			return api.Errorf(api.CodeExists, "Name a file that does not exist yet.", "%s is there already", line.To)
		}
		if err != nil {
			return api.Errorf(api.CodeRefused, "Name another file.", "%s cannot be written: %v", line.To, err)
		}
		line.Restored, line.Files = 1, append(line.Files, d.restoredFile(v, got.from))
		return nil
	})
}

// ownerOf is who a version would come from.
func (d *daemon) ownerOf(v history.Held) string {
	if slices.Contains(v.Holders, d.members.self) {
		return d.members.self
	}
	return d.holderOf(v)
}

func (d *daemon) restoredFile(v history.Held, from string) api.RestoredFile {
	out := api.RestoredFile{Path: path.Join(v.Folder, v.Path), Time: d.clock.shown()(v.Time), Kind: kindOf(v.Version), Size: v.Size}
	if from != d.members.self {
		out.From = d.members.device(from)
	}
	return out
}

// guard says which files may be replaced, when that is about to be done: those
// that the device with this short ID has changed last; all if it is empty.
type guard struct{ by string }

var unconditionally = guard{}

func (d *daemon) may(g guard, v history.Version) bool {
	if g.by == "" {
		return true
	}
	now := d.stateOf(v.Folder, v.Path)
	return now.By == g.by && !now.Unsettled
}

// bringBack puts versions where they belong, by whoever has them.
func (d *daemon) bringBack(ctx context.Context, wanted []history.Held, may guard, dryRun bool, count *int, files *[]api.RestoredFile, skipped *[]api.SkippedFile) error {
	var mine, theirs []history.Held
	for _, v := range wanted {
		switch {
		case d.receiveOnly(v.Folder):
			*skipped = append(*skipped, skip(v.Version, api.SkippedReadOnly, fmt.Sprintf("%s is receive-only here: what is restored there does not travel", v.Folder)))
		case slices.Contains(v.Holders, d.members.self):
			mine = append(mine, v)
		default:
			theirs = append(theirs, v)
		}
	}
	done := func(v history.Held, from string) {
		if *count++; len(*files) < api.MaxRestored {
			*files = append(*files, d.restoredFile(v, from))
		}
	}
	if dryRun {
		for _, v := range mine {
			done(v, d.members.self)
		}
		for _, v := range theirs {
			done(v, v.Holders[0])
		}
		return nil
	}
	for i, err := range d.putAll(ctx, mine, may) {
		d.noteRestored(mine[i], d.members.self, err, done, skipped)
	}
	if len(theirs) > 0 {
		results, err := d.askRestore(ctx, theirs, may)
		if err != nil {
			return err
		}
		for i, r := range results {
			d.noteRestored(theirs[i], r.from, r.err, done, skipped)
		}
	}
	slices.SortFunc(*files, func(a, b api.RestoredFile) int { return strings.Compare(a.Path, b.Path) })
	return ctx.Err()
}

// errChangedSince says that a file may not be replaced any more.
var errChangedSince = errors.New("somebody else has changed it since")

func (d *daemon) noteRestored(v history.Held, from string, err error, done func(history.Held, string), skipped *[]api.SkippedFile) {
	switch {
	case err == nil:
		done(v, from)
	case errors.Is(err, errChangedSince):
		*skipped = append(*skipped, skip(v.Version, api.SkippedChanged, "somebody else has changed it since"))
	case errors.Is(err, history.ErrInTheWay):
		*skipped = append(*skipped, skip(v.Version, api.SkippedDirectory, err.Error()))
	case errors.Is(err, errNoAnswer):
		*skipped = append(*skipped, skip(v.Version, api.SkippedAway, err.Error()))
	default:
		*skipped = append(*skipped, skip(v.Version, api.SkippedFailed, err.Error()))
	}
}

func skip(v history.Version, reason, message string) api.SkippedFile {
	return api.SkippedFile{Path: path.Join(v.Folder, v.Path), Reason: reason, Message: message}
}

// putAll puts versions of this device where they belong, and returns what came of
// each when the engine knows of them.
func (d *daemon) putAll(ctx context.Context, wanted []history.Held, may guard) []error {
	items := make([]putItem, len(wanted))
	versions := make([]history.Version, len(wanted))
	for i, v := range wanted {
		versions[i] = v.Version
	}
	defer d.history.Pin(versions)()
	for i, v := range wanted {
		items[i].version = v.Version
		items[i].content, items[i].err = d.history.Content(v.Version)
	}
	return d.putContents(ctx, items, may)
}

type putItem struct {
	version history.Version // what is put, and where
	content history.Content
	err     error // there is no content
}

func (d *daemon) putContents(ctx context.Context, items []putItem, may guard) []error {
	errs := make([]error, len(items))
	folders := map[string]*os.Root{}
	defer func() {
		for _, f := range folders {
			f.Close()
		}
	}()
	for i, it := range items {
		if folders[it.version.Folder] == nil {
			if folders[it.version.Folder], errs[i] = os.OpenRoot(d.root.Folder(it.version.Folder)); errs[i] != nil {
				delete(folders, it.version.Folder)
			}
		}
	}
	next := make(chan int)
	var group sync.WaitGroup
	for range min(restorers, len(items)) {
		group.Go(func() {
			for i := range next {
				errs[i] = d.put(folders[items[i].version.Folder], items[i], may)
			}
		})
	}
	for i := range items {
		if errs[i] != nil {
			continue
		}
		if ctx.Err() != nil {
			errs[i] = ctx.Err()
			continue
		}
		next <- i
	}
	close(next)
	group.Wait()
	changed := map[string][]string{}
	for i, it := range items {
		if errs[i] == nil {
			changed[it.version.Folder] = append(changed[it.version.Folder], it.version.Path)
		}
	}
	d.noticeRestored(ctx, changed)
	return errs
}

func (d *daemon) put(folder *os.Root, it putItem, may guard) error {
	if it.err != nil {
		return it.err
	}
	v := it.version
	if err := d.keptFrom(v.Folder, v.Path); err != nil {
		return err
	}
	if !d.may(may, v) {
		return errChangedSince
	}
	unchanged := func() error {
		if !d.may(may, v) {
			return errChangedSince
		}
		return nil
	}
	return history.Put(folder, v.Path, it.content, unchanged, func(at string) error {
		if at != v.Path && may.by != "" {
			return errChangedSince // at the last moment
		}
		return d.keepOwn(v.Folder, v.Path, at, false)
	})
}

// keepOwn keeps what this device itself is about to replace or remove, and which is
// at another path if it was taken out of its place already.
func (d *daemon) keepOwn(folder, p, at string, deleted bool) error {
	return d.keepVersion(engine.Loss{Folder: folder, Path: p, From: at, By: engine.ShortID(d.members.self), Deleted: deleted})
}

// maxLooked is how many paths are looked at one by one: for more, all of a folder
// is.
const maxLooked = 200

// restoredPatience bounds the time that a restore takes to tell the engine, which
// finds out by itself a little later.
const restoredPatience = time.Minute

// noticeRestored has the engine look at what has changed.
func (d *daemon) noticeRestored(ctx context.Context, changed map[string][]string) {
	m, _, _ := d.members.current()
	// Whoever goes away has restored what is in place.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoredPatience)
	defer cancel()
	for folder, paths := range changed {
		if len(paths) > maxLooked {
			paths = nil
		}
		for i := range paths {
			paths[i] = filepath.FromSlash(paths[i])
		}
		if err := d.lookAt(ctx, folderID(m.Network, folder), folder, paths...); err != nil {
			d.log.Warn("looking at what was restored; it is noticed later", "folder", folder, "error", err)
		}
	}
}
