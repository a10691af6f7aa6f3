package engine

import (
	"path/filepath"

	"github.com/botsync/botsync/internal/watch"
)

// Finished reports whether no program is known to have a file of a folder open for
// writing, a log for one, or to be making it.
func (e *Engine) Finished(folder, name string) bool {
	cfg, ok := e.cfg.Folder(folder)
	if !ok {
		return false
	}
	fsys, local := cfg.Filesystem(), filepath.FromSlash(name)
	info, err := fsys.Lstat(local)
	if err != nil || !finished(filepath.Clean(cfg.Path), local, info.ModTime()) {
		return false
	}
	open, _ := OpenForWriting(filepath.Join(cfg.Path, local))
	return !open
}

// OpenForWriting reports whether somebody has a file, given by its absolute path,
// open for writing, as far as that can be known.
func OpenForWriting(file string) (open, known bool) { return watch.OpenForWriting(file) }
