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
)

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
	if err := d.awaitMergeTurn(c, v, time.Now()); err != nil {
		return err
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
		err = errNoFile
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
