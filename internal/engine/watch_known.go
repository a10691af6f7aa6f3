package engine

import (
	"path"
	"path/filepath"
	"unicode/utf8"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"

	"github.com/botsync/botsync/internal/watch"
)

// maxPaths is how many paths are scanned one by one before it is better to scan
// the directories that they are in, as in Syncthing's aggregator.
const maxPaths = 512

// localIndex is the part of Syncthing's database that tells what is known.
type localIndex interface {
	GetDeviceFile(folder string, device protocol.DeviceID, file string) (protocol.FileInfo, bool, error)
}

// unknown leaves out what a scan would find unchanged. That is what the engine
// has written itself, most of all: after a pull each file has been renamed and
// given its time, and the index has it so already. To ask it is a small part of
// what a scan costs, and a scan is something that others are told of.
func (w *watched) unknown(s *source, changes []watch.Change) []watch.Change {
	left := watch.NewSet(maxPaths)
	fsys, out := w.cfg.Filesystem(), ignoringOf(filepath.Clean(w.cfg.Path))
	for _, c := range changes {
		if c.Path == watch.Root {
			return []watch.Change{c}
		}
		// A name that is not UTF-8 cannot be synced, which every full scan says.
		name := filepath.FromSlash(c.Path)
		if !utf8.ValidString(name) {
			continue
		}
		if s.ignores.Match(name).IsIgnored() {
			if out != nil && !isInternal(name) {
				out.count.note()
			}
			continue
		}
		if c.Deep || !w.isKnown(fsys, name) && !s.unfinished(path.Dir(c.Path))[path.Base(c.Path)] {
			left.Add(c)
			if out != nil {
				for _, dir := range out.kept.above(c.Path) {
					left.Add(watch.Change{Path: dir})
				}
			}
		}
	}
	return left.Take()
}

// isKnown reports whether the index has what is on the disk, as Syncthing's
// scanner judges it. Where that cannot be told it has not.
func (w *watched) isKnown(fsys fs.Filesystem, name string) bool {
	have, ok, err := w.index.GetDeviceFile(w.cfg.ID, protocol.LocalDeviceID, name)
	if err != nil {
		return false
	}
	info, err := fsys.Lstat(name)
	if err != nil || osutil.IsDeleted(fsys, name) {
		return osutil.IsDeleted(fsys, name) && (!ok || have.IsDeleted())
	}
	if !info.IsRegular() && !info.IsDir() && !info.IsSymlink() {
		return !ok || have.IsDeleted()
	}
	now, err := scanner.CreateFileInfo(info, name, fsys, false, false, nil)
	if err != nil || !ok {
		return false
	}
	return have.IsEquivalentOptional(now, asScanned(w.cfg))
}

// asScanned is what Syncthing's scanner compares of a file.
func asScanned(cfg config.FolderConfiguration) protocol.FileInfoComparison {
	return protocol.FileInfoComparison{IgnorePerms: cfg.IgnorePerms, IgnoreBlocks: true, IgnoreOwnership: true, IgnoreXattrs: true}
}
