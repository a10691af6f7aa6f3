package engine

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
)

// keepJournals opens the journals of folders that have none, before Syncthing
// writes to them.
func (e *Engine) keepJournals(folders []config.FolderConfiguration) {
	for _, f := range folders {
		journals.LoadOrStore(filepath.Clean(f.Path), &pullJournal{path: filepath.Join(e.dir, "pulls-"+f.ID+".jsonl")})
	}
}

func (e *Engine) closeJournals() {
	for _, f := range e.cfg.FolderList() {
		if j, ok := journals.LoadAndDelete(filepath.Clean(f.Path)); ok {
			j.(*pullJournal).close()
		}
	}
}

// adoptPulls enters what was pulled before a kill. It must be done before the
// first scan. A folder whose disk is not there is left for a later start.
func (e *Engine) adoptPulls(ctx context.Context, index fileIndex, update func(folder string, files []protocol.FileInfo) error) error {
	for _, f := range e.cfg.FolderList() {
		journal := journalOf(filepath.Clean(f.Path))
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
