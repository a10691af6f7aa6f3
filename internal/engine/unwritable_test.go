package engine

import (
	"errors"
	iofs "io/fs"
	"path/filepath"
	"testing"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
)

// That a temporary file cannot be made is told when it is written to, with the
// cause, where Syncthing listens; of any other file it is told at once.
func TestUnwritableFilesSayWhy(t *testing.T) {
	t.Parallel()
	cfg := config.FolderConfiguration{ID: "id", FilesystemType: filesystemType, CaseSensitiveFS: true, Path: t.TempDir()}
	fsys, flags := cfg.Filesystem(), fs.OptReadWrite|fs.OptCreate|fs.OptExclusive
	missing := filepath.Join("no", "such", "directory")
	if _, err := fsys.OpenFile(filepath.Join(missing, "a"), flags, 0o600); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("opening a file: %v", err)
	}
	file, err := fsys.OpenFile(fs.TempName(filepath.Join(missing, "a")), flags, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(10); err != nil {
		t.Error(err)
	}
	_, written := file.WriteAt([]byte("x"), 0)
	for what, err := range map[string]error{"writing": written, "syncing": file.Sync(), "closing": file.Close()} {
		if !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
