package engine

import (
	"path/filepath"
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"

	"github.com/botsync/botsync/internal/ignores"
)

// fullScan leaves out of scans of a whole folder what is on the disk as the index has it,
// which is nearly everything. Syncthing looks at each file three times then, holds its
// name against all patterns twice, and writes debug messages about it that nobody reads:
// three times the work of reading the index once and comparing.
//
// Only files are left out, of which a scan would say that they are unchanged, and that
// are there. Whatever is in doubt is left to the scan.
type fullScan struct {
	cfg   config.FolderConfiguration
	index fullScanIndex
}

// fullScanIndex is the part of the layer over Syncthing's database that keeps all entries
// during a scan.
type fullScanIndex interface {
	beginScan(folder string)
	scanning(folder string) bool
	seenAs(folder, name string, is func(protocol.FileInfo) bool) bool
	noMtimes(folder string) bool
}

// fullScans are those of the folders, by their roots, for the file systems that Syncthing
// makes for itself.
var fullScans sync.Map // string → *fullScan

// keepFullScans has one for each of the folders, and for no others. Where case does not
// count, Syncthing takes for deleted what is not listed.
func (e *Engine) keepFullScans(folders []config.FolderConfiguration) {
	wanted := map[string]bool{}
	for _, f := range folders {
		if root := filepath.Clean(f.Path); f.CaseSensitiveFS {
			wanted[root] = true
			fullScans.Store(root, &fullScan{f, e.db})
		}
	}
	for root := range e.fullScans {
		if !wanted[root] {
			fullScans.Delete(root)
		}
	}
	e.fullScans = wanted
}

// changed leaves files out of a listing that are as the index has them, while a scan of
// the whole folder is under way. Such a scan lists the root first, and nobody else does.
func (f folderFS) changed(dir string, names []string) []string {
	v, ok := fullScans.Load(f.root)
	if !ok {
		return names
	}
	s := v.(*fullScan)
	if dir == "." && s.index.noMtimes(s.cfg.ID) {
		s.index.beginScan(s.cfg.ID)
	}
	if !s.index.scanning(s.cfg.ID) {
		return names
	}
	var set *ignores.Set
	if i := ignoringOf(f.root); i != nil {
		set = i.files.Set()
	}
	// A scan that comes upon a file also settles what becomes of the directories around
	// it, if these match a pattern.
	for d := dir; d != "."; d = filepath.Dir(d) {
		if ignored(set, d) {
			return names
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		name = filepath.Join(dir, name)
		return !ignored(set, name) && s.unchanged(f.Filesystem, name)
	})
}

func ignored(set *ignores.Set, name string) bool {
	return set != nil && set.Match(filepath.ToSlash(name)).Ignored
}

// unchanged reports whether a file is as the index has it, as Syncthing's scanner
// judges it.
func (s *fullScan) unchanged(fsys fs.Filesystem, name string) bool {
	if hashedOf(filepath.Clean(s.cfg.Path)).knows(name) {
		return false
	}
	return name == osutil.NormalizedFilename(name) && s.index.seenAs(s.cfg.ID, name, func(had protocol.FileInfo) bool {
		if had.Name != name || had.Type != protocol.FileInfoTypeFile || had.IsDeleted() || had.LocalFlags != 0 || had.IsInvalid() {
			return false
		}
		info, err := fsys.Lstat(name)
		if err != nil || !info.IsRegular() {
			return false
		}
		now, err := scanner.CreateFileInfo(info, name, fsys, false, false, nil)
		return err == nil && had.IsEquivalentOptional(now, asScanned(s.cfg))
	})
}
