package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Syncthing asks its database on every change which entries are newer than those
// that a peer was told of, and which files are needed. There is no index for
// either question. SQLite answers the first by sorting all entries of a device, as
// long as it has no statistics, and a new database has none until the next start;
// the second by reading all entries of all devices. So every change would cost
// more the more files there are: see docs/benchmarks.md.
var ownIndexes = []string{
	// With the sequence, which is the row ID, as the end of each key.
	"CREATE INDEX IF NOT EXISTS botsync_files_device ON files (device_idx)",
	// SQLite uses it for queries with the same condition (partial indexes, rule 2
	// of https://www.sqlite.org/partialindex.html).
	fmt.Sprintf("CREATE INDEX IF NOT EXISTS botsync_files_needed ON files (name_idx) WHERE local_flags & %d != 0", protocol.FlagLocalNeeded),
}

// indexFolders has a database with those indexes for each of the folders. It has
// to be called before Syncthing writes to them, which does not expect another
// writer. It fails if there cannot be a database. Without the indexes, things are
// as correct, and slower.
func (e *Engine) indexFolders(ctx context.Context, folders []config.FolderConfiguration) error {
	for _, f := range folders {
		if err := e.db.makeFolder(f.ID); err != nil {
			return databaseError(err)
		}
	}
	dir := filepath.Join(e.dir, DatabaseName)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return databaseError(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, "folder.") || filepath.Ext(name) != ".db" || e.tuned[name] {
			continue
		}
		if err := addIndexes(ctx, filepath.Join(dir, name)); err != nil {
			slog.Warn("Cannot add indexes to the database of a folder; it will be slow when it is large", "file", name, "error", err)
			continue
		}
		e.tuned[name] = true
	}
	return nil
}

func addIndexes(ctx context.Context, path string) (err error) {
	// The same driver as Syncthing's: two in one process would end each other's
	// locks, see https://www.sqlite.org/howtocorrupt.html, 2.2.1.
	driver := "sqlite"
	if slices.Contains(sql.Drivers(), "sqlite3") {
		driver = "sqlite3" // with cgo
	}
	db, err := sql.Open(driver, (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}).String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var there int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name GLOB 'botsync_files_*'").Scan(&there); err != nil || there == len(ownIndexes) {
		return err
	}
	// Without statistics a new index is thought to be better than all that have them.
	for _, statement := range append(slices.Clone(ownIndexes), "ANALYZE files") {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
