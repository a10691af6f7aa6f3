package engine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"
)

// adoption enters into the index what was done for peers before a kill, and had
// not been entered yet; see pullJournal.
type adoption struct {
	ctx    context.Context
	index  fileIndex
	folder string
	fsys   fs.Filesystem
}

// adopt returns the entries that the index lacks: what is on the disk as the
// network has it now; and what the journal says was put there or removed, where
// the network has something newer since. That is entered under the version that
// was here before, so that the newer one is got as if nothing had happened.
func (a adoption) adopt(done map[string]pullEntry) ([]protocol.FileInfo, error) {
	var out []protocol.FileInfo
	needed, failed := a.index.AllNeededGlobalFiles(a.folder, protocol.LocalDeviceID, config.PullOrderAlphabetic, 0, 0)
	for f := range needed {
		if a.ctx.Err() != nil {
			return nil, a.ctx.Err()
		}
		if f.IsInvalid() || osutil.TraversesSymlink(a.fsys, filepath.Dir(f.Name)) != nil {
			continue
		}
		entry, ok := done[filepath.Clean(f.Name)]
		if !a.inPlace(f, entry) {
			if !ok {
				continue
			}
			if f, ok = a.overtaken(f.Name, entry); !ok {
				continue
			}
		}
		f.Sequence, f.LocalFlags = 0, 0
		out = append(out, f)
	}
	if err := failed(); err != nil {
		return nil, fmt.Errorf("reading what is needed: %w", err)
	}
	return out, nil
}

// overtaken returns what to enter for a file that is as the journal says.
func (a adoption) overtaken(name string, done pullEntry) (protocol.FileInfo, bool) {
	before, had, err := a.index.GetDeviceFile(a.folder, protocol.LocalDeviceID, name)
	if err != nil || before.IsReceiveOnlyChanged() {
		return protocol.FileInfo{}, false
	}
	info, err := a.fsys.Lstat(name)
	if fs.IsNotExist(err) {
		if !done.Deleted && !(done.after && a.unplaced(name, done)) || !had || before.IsDeleted() {
			return protocol.FileInfo{}, false
		}
		before.Deleted, before.Size, before.Blocks, before.BlocksHash = true, 0, nil, nil
		return before, true
	}
	// Whoever has written to it since has given it a later time.
	if err != nil || done.Deleted || !info.IsRegular() || inodeOf(info) != done.Inode || info.Size() != done.Size || info.ModTime().After(done.Time) {
		return protocol.FileInfo{}, false
	}
	now, err := scanner.CreateFileInfo(info, name, a.fsys, false, false, nil)
	if err != nil {
		return protocol.FileInfo{}, false
	}
	now.RawBlockSize = int32(protocol.BlockSize(now.Size))
	if now.Blocks, err = scanner.HashFile(a.ctx, a.folder, a.fsys, name, now.BlockSize(), nil); err != nil {
		return protocol.FileInfo{}, false
	}
	now.BlocksHash = protocol.BlocksHash(now.Blocks)
	now.Version, now.ModifiedBy = before.Version, before.ModifiedBy
	return now, true
}

// unplaced reports whether a file was about to be put in place, and was not.
func (a adoption) unplaced(name string, done pullEntry) bool {
	info, err := a.fsys.Lstat(fs.TempName(name))
	return err == nil && done.Inode != 0 && inodeOf(info) == done.Inode
}

// inPlace reports whether the disk has an entry of the index. Only what the
// journal says was put there is read.
func (a adoption) inPlace(f protocol.FileInfo, done pullEntry) bool {
	info, err := a.fsys.Lstat(f.Name)
	switch {
	case f.IsDeleted():
		return fs.IsNotExist(err)
	case err != nil:
		return false
	case f.IsSymlink():
		to, err := a.fsys.ReadSymlink(f.Name)
		return info.IsSymlink() && err == nil && bytes.Equal([]byte(to), f.SymlinkTarget)
	case f.IsDirectory():
		return info.IsDir()
	}
	if !info.IsRegular() || info.Size() != f.Size {
		return false
	}
	// It may have got its time after its name, or that of a later version before it.
	placed, timed := done.Name != "" && !done.Deleted, info.ModTime().Equal(f.ModTime())
	if placed || !timed {
		if !timed && (!placed || done.Size != f.Size || done.Inode != inodeOf(info)) {
			return false
		}
		blocks, err := scanner.HashFile(a.ctx, a.folder, a.fsys, f.Name, f.BlockSize(), nil)
		if err != nil || !sameBlocks(blocks, f.Blocks) {
			return false
		}
		if !timed && a.fsys.Chtimes(f.Name, f.ModTime(), f.ModTime()) != nil {
			return false
		}
	}
	return f.NoPermissions || os.FileMode(f.Permissions)&0o777 == os.FileMode(info.Mode())&0o777
}

func sameBlocks(a, b []protocol.BlockInfo) bool {
	return slices.EqualFunc(a, b, func(x, y protocol.BlockInfo) bool { return bytes.Equal(x.Hash, y.Hash) })
}
