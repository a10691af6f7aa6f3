package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/merge"
	"github.com/botsync/botsync/internal/swap"
)

const (
	// mergePause is how long after a file that was being written to is looked at again.
	mergePause = 5 * time.Second
	// mergeRetry is how long after an error, such as a full disk, it is tried again.
	mergeRetry = time.Minute
)

// merger merges conflicts of files to which programs only add lines.
type merger struct {
	wake chan struct{}
	left map[string]unmerged // by the folder and the path of the copy
}

// unmerged is a conflict that could not be merged.
type unmerged struct {
	state string    // the size and time of both versions
	again time.Time // when it is worth another try; zero: when they have changed
}

func newMerger() merger { return merger{wake: make(chan struct{}, 1), left: map[string]unmerged{}} }

// note says that there may be something to merge. It never blocks.
func (m *merger) note() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// keepMerging merges what can be merged until ctx ends, and tells of the conflicts
// that stay.
func (d *daemon) keepMerging(ctx context.Context) {
	if len(d.config.Merge.AppendOnly) == 0 {
		d.keepTelling(ctx)
		return
	}
	d.merger.note()
	again := time.NewTimer(mergePause)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.merger.wake:
		case <-again.C:
		}
		busy, err := d.mergeAndTell(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("merging conflicts", "error", err)
		}
		again.Stop()
		if busy || err != nil {
			again.Reset(mergePause)
		}
	}
}

// errBusy says that a file is being written to: it is tried again later.
var errBusy = errors.New("it is being written to")

// errNoBase says that versions cannot be merged.
var errNoBase = errors.New("it is not known for certain what both versions were before")

// cannotMerge reports whether it is of no use to try again.
func cannotMerge(err error) bool {
	return errors.Is(err, errNoBase) || errors.Is(err, merge.ErrNotAdded) || errors.Is(err, merge.ErrTooMany)
}

// mergeAll merges what can be merged. It returns the conflict copies of which there is
// more to do later, by the ID of the folder and the path.
func (d *daemon) mergeAll(ctx context.Context) (later map[string]bool, err error) {
	all, err := d.allConflicts(ctx, "")
	if err != nil {
		return nil, err
	}
	later, left := map[string]bool{}, map[string]unmerged{} // what is no conflict any more is forgotten
	for _, c := range all {
		for _, v := range c.versions[1:] {
			if u, ok := d.merger.left[c.folder+"/"+v.path]; ok {
				left[c.folder+"/"+v.path] = u
			}
		}
	}
	d.merger.left = left
	for _, c := range all {
		if c.doubt != "" || !d.merges(c.folder, c.path) {
			continue
		}
		merged := false
		for _, v := range c.versions[1:] {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if merged { // what came of another version comes first
				later[c.id+"/"+v.path] = true
				continue
			}
			var again bool
			merged, again = d.tryMerge(ctx, c, v)
			if merged || again {
				later[c.id+"/"+v.path] = true
			}
		}
	}
	return later, ctx.Err()
}

// merges reports whether this device merges conflicts of a file, if it can.
func (d *daemon) merges(folder, path string) bool {
	return d.config.Merge.Merges(folder, path) && !d.self().Role.ReceiveOnly(folder)
}

// tryMerge merges a conflict copy with the current version, unless that came to
// nothing and would do so again.
func (d *daemon) tryMerge(ctx context.Context, c *inConflict, v version) (merged, again bool) {
	name := c.folder + "/" + v.path
	state := fmt.Sprint(c.versions[0].file.Size, c.versions[0].file.Modified, v.file.Size, v.file.Modified)
	if u, ok := d.merger.left[name]; ok && u.state == state && (u.again.IsZero() || time.Now().Before(u.again)) {
		return false, !u.again.IsZero()
	}
	err := d.mergeCopy(ctx, c, v)
	switch {
	case err == nil:
		d.log.Info("merged two versions", "folder", c.folder, "path", c.path)
		return true, false
	case errors.Is(err, errBusy), ctx.Err() != nil:
		return false, true
	}
	d.log.Info("a conflict is not merged", "folder", c.folder, "path", c.path, "because", err)
	u := unmerged{state: state}
	if !cannotMerge(err) {
		u.again = time.Now().Add(mergeRetry)
	}
	d.merger.left[name] = u
	return false, !u.again.IsZero()
}

// mergeCopy puts what comes of the current version and a conflict copy in the place
// of the first, and removes the second. Both are in the history then. If either is
// written to meanwhile nothing is changed; what a program wrote in the last moment is
// in the file.
func (d *daemon) mergeCopy(ctx context.Context, c *inConflict, v version) error {
	if err := d.finishMerge(); err != nil {
		return err
	}
	if err := d.lookAtPaths(map[string][]string{c.id: {filepath.FromSlash(c.path), filepath.FromSlash(v.path)}}); err != nil {
		return fmt.Errorf("%w: %w", errBusy, err)
	}
	base, known, err := d.engine.MergeBase(ctx, c.id, c.path, v.path)
	if err != nil {
		return err
	}
	if !known {
		return errNoBase
	}
	dir, err := d.openDir(c)
	if err != nil {
		return err
	}
	defer dir.Close()
	p := pair{d: d, c: c, dir: dir, base: base}
	defer p.close()
	if p.current, err = p.open(c.path); err != nil {
		return err
	}
	if p.copied, err = p.open(v.path); err != nil {
		return err
	}
	if err := p.write(ctx); err != nil {
		return err
	}
	if err := d.resolving.lock(ctx); err != nil {
		return err
	}
	defer d.resolving.unlock()
	defer d.letVanish(c.only(v.path), 0)()
	if err := p.place(); err != nil {
		return err
	}
	return d.lookAtPaths(map[string][]string{c.id: {filepath.FromSlash(c.path), filepath.FromSlash(v.path)}})
}

// pair is two versions that are being merged.
type pair struct {
	d               *daemon
	c               *inConflict
	dir             *os.Root
	base            engine.MergeBase
	current, copied *side
	result          fs.FileInfo // of what comes of them, when it was complete
	temp            string      // name of the file with what comes of them; empty if it is the current one as it is
	noted           bool        // names are about to be exchanged, see noteMerge
}

// side is one of them.
type side struct {
	*os.File
	name string // in the directory
	path string // in the folder
	info fs.FileInfo
}

func (p *pair) open(of string) (*side, error) {
	f, err := p.dir.OpenFile(path.Base(of), os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	s := &side{File: f, name: path.Base(of), path: of}
	if s.info, err = f.Stat(); err == nil && !s.info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err == nil && !p.d.engine.Finished(p.c.id, of) {
		err = errBusy
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return s, nil
}

func (p *pair) close() {
	for _, s := range []*side{p.current, p.copied} {
		if s != nil {
			_ = s.Close()
		}
	}
	if p.temp != "" {
		if err := p.clear(); err != nil {
			p.d.log.Error("a file is left over from a merge", "folder", p.c.folder, "path", p.c.path, "name", p.temp, "error", err)
			return // it is kept before the next merge, or at the next start
		}
	}
	if p.noted {
		if err := p.d.forgetMerge(); err != nil {
			p.d.log.Warn("a merge is finished again at the next start", "error", err)
		}
	}
}

// clear removes the unfinished file. Between two exchanges it had the name of the
// current one: what somebody wrote to it then, or may still write, is kept, and so is
// what was put in its place.
func (p *pair) clear() error {
	if p.noted {
		// In this order: nobody opens it by the name that it has now.
		open, known := engine.OpenForWriting(filepath.Join(p.d.root.Folder(p.c.folder), filepath.FromSlash(path.Dir(p.c.path)), p.temp))
		info, err := p.dir.Lstat(p.temp)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || open || !known || !os.SameFile(info, p.result) || info.Size() != p.result.Size() || !info.ModTime().Equal(p.result.ModTime()) {
			if err := p.keep(p.temp); err != nil {
				return err
			}
		}
	}
	if err := p.dir.Remove(p.temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// still reports whether a version is what was read, and has its name.
func (p *pair) still(s *side, name string) bool {
	now, err := s.Stat()
	named, err2 := p.dir.Lstat(name)
	return err == nil && err2 == nil && os.SameFile(named, s.info) && now.Size() == s.info.Size() && now.ModTime().Equal(s.info.ModTime())
}

// tempName is a name that Syncthing leaves alone, and removes if a kill left it.
func tempName(name string) string {
	sum := sha256.Sum256([]byte(name))
	return ".syncthing.botsync-merge-" + hex.EncodeToString(sum[:8]) + ".tmp"
}

// write writes what comes of the two versions beside them.
func (p *pair) write(ctx context.Context) error {
	a := merge.Input{ReaderAt: p.current, Size: p.current.info.Size()}
	b := merge.Input{ReaderAt: p.copied, Size: p.copied.info.Size()}
	if a.Size < p.base.Size || b.Size < p.base.Size {
		return merge.ErrNotAdded
	}
	if begins, err := p.base.Begins(ctx, p.current); err != nil {
		return fmt.Errorf("%w: %w", errBusy, err)
	} else if !begins {
		return merge.ErrNotAdded
	}
	if err := p.hasRoom(uint64(a.Size) + uint64(b.Size-p.base.Size)); err != nil {
		return err
	}
	name := tempName(p.current.name)
	if err := p.dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	p.temp = name
	out, err := p.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	made, err := out.Stat()
	if err != nil {
		return err
	}
	if err := merge.Lines(ctx, out, a, b, p.base.Size); err != nil {
		return err
	}
	// All devices that merge the same make the same file.
	modified := p.current.info.ModTime()
	if p.copied.info.ModTime().After(modified) {
		modified = p.copied.info.ModTime()
	}
	err = errors.Join(out.Chmod(p.current.info.Mode().Perm()), out.Sync(), out.Close(), p.dir.Chtimes(name, modified, modified))
	if err != nil {
		return err
	}
	if same(p.dir, name, p.current.name) {
		p.temp = ""
		return p.dir.Remove(name)
	}
	if p.result, err = p.dir.Lstat(name); err == nil && !os.SameFile(made, p.result) {
		err = errBusy
	}
	return err
}

// hasRoom returns an error if so many bytes more would leave less room than receiving
// leaves.
func (p *pair) hasRoom(bytes uint64) error {
	room, err := engine.DiskRoomOf(p.d.root.Folder(p.c.folder))
	if err == nil && room.Free < bytes+room.Reserve() {
		err = fmt.Errorf("there is no room for %d bytes more: %w", bytes, syscall.ENOSPC)
	}
	return err
}

// keep keeps a file of the directory as a version of the file.
func (p *pair) keep(name string) error { return p.d.keepIn(p.dir, p.c, name) }

// place puts what comes of the versions in the place of the current one. That and
// the result exchange their names, so that what a program has written to the file
// since it was read, or has put in its place, is seen then: if there is something,
// they exchange them again, and it is as before.
func (p *pair) place() error {
	if !p.still(p.current, p.current.name) || !p.still(p.copied, p.copied.name) {
		return errBusy
	}
	if p.temp != "" {
		if err := p.keep(p.current.name); err != nil {
			return err
		}
		p.noted = true
		if err := p.d.noteMerge(p.c); err != nil {
			return err
		}
		err := swap.Exchange(p.dir, p.temp, p.current.name)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			// What the file was is in the history, by a link: what was written to it
			// in the last moment is there.
			if err := p.dir.Rename(p.temp, p.current.name); err != nil {
				return err
			}
			p.temp = ""
		case err != nil:
			return err
		case !p.still(p.current, p.temp):
			err := swap.Exchange(p.dir, p.temp, p.current.name)
			return errors.Join(errBusy, err)
		default:
			if err := p.dir.Remove(p.temp); err != nil {
				return err
			}
			p.temp = ""
		}
	}
	if !p.still(p.copied, p.copied.name) {
		return errBusy // it is merged again, which adds nothing twice
	}
	return swap.Drop(p.dir, p.copied.name, p.keep)
}

// merged says of which files the engine is to remember versions; nil for none.
func (d *daemon) merged() func(folder, path string) bool {
	if len(d.config.Merge.AppendOnly) == 0 {
		return nil
	}
	return d.config.Merge.Merges
}
