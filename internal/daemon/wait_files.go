package daemon

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
)

// WaitPaths returns when files are here as the network knows them, and tells each.
func (d *daemon) WaitPaths(ctx context.Context, req api.PathsRequest, on func(api.FileHere) error) error {
	if len(req.Paths) == 0 {
		return api.Errorf(api.CodeUsage, "Name a file such as inbox/task.md.", "no path was named")
	}
	folders, err := d.folders()
	if err != nil {
		return err
	}
	var left []*wantedPath
	for _, p := range req.Paths {
		w, err := d.want(p, folders)
		if err != nil {
			return err
		}
		left = append(left, w)
	}
	ctx, cancel := waiting(ctx, req.Timeout)
	defer cancel()
	for _, w := range left {
		// What was made here and not noticed yet is here as well.
		if err := d.lookAt(ctx, w.id, w.folder, w.within()...); err != nil && !outOfTime(ctx, err) {
			return err
		}
	}
	err = d.bell.await(ctx, func() (bool, error) {
		for len(left) > 0 {
			here, err := d.here(left[0])
			if err != nil || here == nil {
				return false, err
			}
			for _, f := range here {
				if err := on(f); err != nil {
					return false, err
				}
			}
			left = left[1:]
		}
		return true, nil
	})
	if outOfTime(ctx, err) {
		return d.notHere(left)
	}
	return err
}

// wantedPath is a file or directory that is waited for.
type wantedPath struct {
	id, folder string
	rest       string // within the folder; "." for all of it
	lack       engine.Completion
	known      bool // some device has it
	vanished   bool // it went away here, and that is being decided about
}

func (w *wantedPath) path() string { return path.Join(w.folder, w.rest) }

// within is what to look at: all of the folder if it is the folder.
func (w *wantedPath) within() []string {
	if w.rest == "." {
		return nil
	}
	return []string{filepath.FromSlash(w.rest)}
}

func (d *daemon) want(p string, folders []string) (*wantedPath, error) {
	folder, rest, err := splitPath(p)
	if err != nil {
		return nil, err
	}
	w := &wantedPath{folder: folder, rest: rest}
	for i, name := range root.Folders {
		if name == folder {
			w.id = folders[i]
		}
	}
	return w, nil
}

// here returns the files that are meant once all of them are here, else nil.
func (d *daemon) here(w *wantedPath) ([]api.FileHere, error) {
	if _, _, err := d.engine.Fault(w.id); err != nil {
		return nil, folderStopped(w.folder, err)
	}
	// The index has what vanished until it is told to the others.
	vanished, held := d.engine.Vanished(w.id, w.rest)
	if held {
		return nil, d.heldPath(w)
	}
	if w.vanished = vanished; vanished {
		w.known = true
		return nil, nil
	}
	file := engine.File{Path: w.rest, Directory: true}
	if w.rest != "." {
		var presence engine.Presence
		var err error
		file, presence, err = d.engine.File(w.id, w.rest)
		w.known = presence != engine.Unknown
		if err != nil || presence != engine.Present {
			return nil, err
		}
	}
	w.known = true
	if !file.Directory {
		if !d.onDisk(w.folder, file) {
			return nil, nil
		}
		return []api.FileHere{d.fileHere(w.folder, file)}, nil
	}
	var err error
	if w.lack, err = d.engine.LackingBelow(w.id, w.rest, shownNames); err != nil || w.lack.NeedItems > 0 {
		return nil, err
	}
	below, err := d.engine.Below(w.id, w.rest)
	if err != nil {
		return nil, err
	}
	if len(below) == 0 {
		below = []engine.File{file}
	}
	var out []api.FileHere
	for _, f := range below {
		if !d.onDisk(w.folder, f) {
			return nil, nil // it was deleted just now, and the index will say so
		}
		out = append(out, d.fileHere(w.folder, f))
	}
	return out, nil
}

// heldPath is the error for what would not be here before somebody decides.
func (d *daemon) heldPath(w *wantedPath) error {
	p := heldProblem(w.folder, *heldIn(w.folder, d.engine.Brake(w.id)))
	what := w.path() + " vanished here"
	if w.rest == "." {
		what = "files of " + w.folder + " vanished here"
	}
	return api.Errorf(api.CodeHeld, p.Hint, "%s, and that is held: %s", what, p.Message)
}

func (d *daemon) onDisk(folder string, f engine.File) bool {
	info, err := os.Lstat(filepath.Join(d.root.Folder(folder), filepath.FromSlash(f.Path)))
	return err == nil && (f.Directory || f.Symlink || info.Mode().IsRegular())
}

func (d *daemon) fileHere(folder string, f engine.File) api.FileHere {
	h := api.FileHere{Path: path.Join(folder, f.Path), Kind: api.KindFile, Size: f.Size, Modified: f.Modified, Device: d.changedBy(f.ModifiedBy)}
	switch {
	case f.Directory:
		h.Kind, h.Size = api.KindDirectory, 0
	case f.Symlink:
		h.Kind = api.KindSymlink
	}
	return h
}

// changedBy describes the device with a short ID, nil if that is no member.
func (d *daemon) changedBy(short string) *api.Device {
	if short == engine.ShortID(d.members.self) {
		self := d.self()
		return &self
	}
	return d.members.author(short)
}

// notHere is the error for files that did not come in time.
func (d *daemon) notHere(left []*wantedPath) *api.Error {
	l := api.Lack{Device: d.self(), Connected: true, Names: []string{}}
	for _, w := range left {
		l.Bytes += w.lack.NeedBytes
		l.Files += max(1, w.lack.NeedItems)
		if len(l.Names) < shownNames {
			l.Names = append(l.Names, w.path())
		}
		if w.vanished && l.Why == "" {
			l.Why = "what vanished from " + w.folder + "/ is being decided about"
		}
		if !w.known && l.Why == "" {
			l.Why = "no device that was connected has told of " + w.path()
		}
	}
	e := api.Errorf(api.CodeTimeout, "Wait again, with a longer --timeout; is the other side connected? botsync status says so.",
		"the time ran out before %s was here", strings.Join(l.Names, ", "))
	e.Missing = []api.Lack{l}
	return e
}

var errEnough = errors.New("enough files have come")

// WaitNew tells files of peers as they land.
func (d *daemon) WaitNew(ctx context.Context, req api.NewRequest, on func(api.NewFile) error) error {
	if req.Count < 0 || req.Since != nil && *req.Since < 0 {
		return api.Errorf(api.CodeUsage, "Give a number from 0.", "a count and a cursor cannot be below 0")
	}
	folder, rest := "", "."
	if req.Dir != "" && path.Clean(req.Dir) != "." {
		var err error
		if folder, rest, err = splitPath(req.Dir); err != nil {
			return err
		}
	}
	if req.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = waiting(ctx, req.Timeout)
		defer cancel()
	}
	d.recorder.settled(ctx) // what is here already is not new
	cursor := d.activity.Last()
	if req.Since != nil {
		cursor = *req.Since
	}
	if cursor <= d.activity.Last() { // else Follow says what is wrong with it
		if err := on(api.NewFile{Type: api.TypeWaiting, Cursor: cursor}); err != nil {
			return err
		}
	}
	count := 0
	err := d.Events(ctx, cursor, func(e api.Event) error {
		if ctx.Err() != nil {
			return ctx.Err() // with the cursor before this event
		}
		cursor = e.ID
		if !landed(e, folder, rest) {
			return nil
		}
		if err := on(newFile(e)); err != nil {
			return err
		}
		if count++; count == req.Count {
			return errEnough
		}
		return nil
	})
	switch {
	case errors.Is(err, errEnough):
		return nil
	case outOfTime(ctx, err):
		e := api.Errorf(api.CodeTimeout, "Wait again with --since and the cursor of this error: nothing is left out then.",
			"the time ran out; %d file(s) came", count)
		e.Cursor = cursor
		return e
	}
	return err
}

// landed reports whether an event is about a file of a peer that is new here, or
// has new contents, in a directory; no folder means anywhere.
func landed(e api.Event, folder, dir string) bool {
	if e.Type != api.EventFileReceived || e.Action != api.ActionNew && e.Action != api.ActionChanged {
		return false
	}
	if folder == "" {
		return true
	}
	return e.Folder == folder && (dir == "." || strings.HasPrefix(e.Path, dir+"/") || e.Path == dir)
}

func newFile(e api.Event) api.NewFile {
	return api.NewFile{Type: api.TypeFile, Cursor: e.ID, Path: path.Join(e.Folder, e.Path), Kind: e.Kind, Action: e.Action,
		Size: e.Size, Device: e.Device, Time: e.Time}
}
