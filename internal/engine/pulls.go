package engine

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
)

// keepJournals has a journal for each of the folders, before Syncthing writes to
// them, and none for any other.
func (e *Engine) keepJournals(folders []config.FolderConfiguration) {
	wanted := map[string]string{} // root → file
	for _, f := range folders {
		wanted[filepath.Clean(f.Path)] = filepath.Join(e.dir, "pulls-"+f.ID+".jsonl")
	}
	for root, j := range e.journals {
		// The folder of another network has another index.
		if wanted[root] != j.path {
			e.dropJournal(root, true)
		}
	}
	for root, path := range wanted {
		if e.journals[root] == nil {
			e.journals[root] = &pullJournal{path: path}
			journals.Store(root, e.journals[root])
		}
	}
}

// closeJournals closes them all. Once the index is written, there is nothing left
// that they could tell.
func (e *Engine) closeJournals(written bool) {
	for root := range e.journals {
		e.dropJournal(root, written)
	}
}

func (e *Engine) dropJournal(root string, clear bool) {
	j := e.journals[root]
	delete(e.journals, root)
	journals.CompareAndDelete(root, j)
	j.close()
	if clear {
		j.clear()
	}
}

// adoptPulls enters what was pulled before a kill. It must be done before the
// first scan. A folder whose disk is not there is left for a later start.
func (e *Engine) adoptPulls(ctx context.Context, index fileIndex, update func(folder string, files []protocol.FileInfo) error) error {
	for _, f := range e.cfg.FolderList() {
		journal := e.journals[filepath.Clean(f.Path)]
		fsys := fs.NewFilesystem(fs.FilesystemTypeBasic, f.Path)
		if _, err := fsys.Lstat(config.DefaultMarkerName); err != nil {
			continue
		}
		entries, err := adoption{ctx: ctx, index: index, folder: f.ID, fsys: fsys}.adopt(journal.read())
		if err != nil {
			return err
		}
		if len(entries) > 0 {
			if err := update(f.ID, entries); err != nil {
				return fmt.Errorf("entering what was pulled: %w", err)
			}
		}
		journal.clear()
	}
	return nil
}
