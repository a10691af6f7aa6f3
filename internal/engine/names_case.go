package engine

import (
	"iter"
	"path/filepath"
	"sync"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Where case does not count, two names that differ in nothing else have the same
// temporary file. Syncthing finds out that it cannot write the second file when it has
// all of it, and leaves the temporary file; from then on it gives up each change of the
// first file without a word (sharedPullerState.tempFile). So the second one is not got at
// all while the first is there, and is said to have failed.

// caseClashes are the files of each folder that were left out when it last pulled.
type caseClashes struct {
	mu  sync.Mutex
	all map[string][]model.FileError // by the ID of the folder
}

func (c *caseClashes) begin(folder string) {
	c.mu.Lock()
	delete(c.all, folder)
	c.mu.Unlock()
}

func (c *caseClashes) add(folder, name, here string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string][]model.FileError{}
	}
	if len(c.all[folder]) < maxFailures {
		c.all[folder] = append(c.all[folder], model.FileError{Path: name, Err: "syncing: " + (&fs.CaseConflictError{Given: name, Real: here}).Error()})
	}
}

func (c *caseClashes) of(folder string) []model.FileError {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[folder]
}

// clashing returns what says whether a file cannot be got since a name is taken that
// differs in case alone, nil where case counts. It is asked about all that a folder is
// about to get.
func (e *Engine) clashing(folder string) func(protocol.FileInfo) bool {
	return e.clashingIn(folder, e.db)
}

func (e *Engine) clashingIn(folder string, index localAndGlobal) func(protocol.FileInfo) bool {
	cfg, ok := e.cfg.Folder(folder)
	if !ok || cfg.CaseSensitiveFS {
		return nil
	}
	e.clashes.begin(folder)
	fsys := fs.NewFilesystem(fs.FilesystemTypeBasic, cfg.Path)
	coming := map[string]string{} // by folded name
	return func(f protocol.FileInfo) bool {
		if f.IsDeleted() || f.IsInvalid() {
			return false
		}
		folded := fs.UnicodeLowercaseNormalized(f.Name)
		other, clash := coming[folded]
		if !clash {
			other, clash = taken(index, folder, fsys, f.Name)
		}
		if clash {
			e.clashes.add(folder, f.Name, other)
		} else {
			coming[folded] = f.Name
		}
		return clash
	}
}

// taken returns the name that something has which differs in case alone, unless it is
// about to go.
func taken(index localAndGlobal, folder string, fsys fs.Filesystem, name string) (string, bool) {
	if mine, ok, err := index.GetDeviceFile(folder, protocol.LocalDeviceID, name); err != nil || ok && !mine.IsDeleted() {
		return "", false // it is that one
	}
	if _, err := fsys.Lstat(name); err != nil {
		return "", false
	}
	dir, base := filepath.Split(name)
	entries, err := fsys.DirNames(filepath.Clean(dir))
	if err != nil {
		return "", false
	}
	other := ""
	for _, e := range entries {
		if osutil.NormalizedFilename(e) == osutil.NormalizedFilename(base) {
			return "", false
		}
		if fs.UnicodeLowercaseNormalized(e) == fs.UnicodeLowercaseNormalized(base) {
			other = dir + e
		}
	}
	if other == "" {
		return "", false
	}
	global, ok, err := index.GetGlobalFile(folder, other)
	if err != nil || ok && global.IsDeleted() {
		return "", false
	}
	return other, true
}

type localAndGlobal interface {
	localIndex
	globalIndex
}

// but leaves some files out.
func but(files iter.Seq[protocol.FileInfo], out func(protocol.FileInfo) bool) iter.Seq[protocol.FileInfo] {
	return func(yield func(protocol.FileInfo) bool) {
		for f := range files {
			if !out(f) && !yield(f) {
				return
			}
		}
	}
}
