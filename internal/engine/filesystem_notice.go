package engine

import (
	"path/filepath"
	"sync"

	"github.com/botsync/botsync/internal/watch"
)

// noticing are the queues of the folders that are watched, by their roots, for the
// file systems that Syncthing makes for itself.
var noticing sync.Map // string → *watch.Queue

// noticed has what a pull has put in place looked at, if there was no error. The
// directory that it is in may be so new that it is not watched yet: if somebody removes
// it before that, nothing tells of it, and the index gets what is gone.
func (f folderFS) noticed(name string, err error) error {
	if q, ok := noticing.Load(f.root); ok && err == nil {
		q.(*watch.Queue).Add(watch.Change{Path: filepath.ToSlash(filepath.Clean(name))})
	}
	return err
}

func (f folderFS) CreateSymlink(target, name string) error {
	return f.noticed(name, f.Filesystem.CreateSymlink(target, name))
}
