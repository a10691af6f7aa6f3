package engine

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/syncthing"
)

// The two questions that Syncthing asks on every change are answered from indexes,
// in databases that are new, those of folders that were added later included.
func TestOwnIndexesAreUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := syncthing.OpenDatabase(filepath.Join(dir, DatabaseName), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{dir: dir, db: layerOver(db), tuned: map[string]bool{}}
	e.indexFolders(t.Context(), []config.FolderConfiguration{{ID: "one"}})
	e.indexFolders(t.Context(), []config.FolderConfiguration{{ID: "one"}, {ID: "two"}})
	if err := e.db.Close(); err != nil {
		t.Fatal(err)
	}
	paths, _ := filepath.Glob(filepath.Join(dir, DatabaseName, "folder.*.db"))
	if len(paths) != 2 {
		t.Fatalf("databases: %v", paths)
	}
	for _, path := range paths {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for index, query := range map[string]string{
			"botsync_files_device": `SELECT f.sequence FROM files f INNER JOIN devices d ON d.idx = f.device_idx
				WHERE d.device_id = 'x' AND f.sequence >= 7 ORDER BY f.sequence LIMIT 1000`,
			"botsync_files_needed": `SELECT n.name FROM files g INNER JOIN file_names n ON g.name_idx = n.idx
				WHERE g.local_flags & 2 = 0 AND g.local_flags & ` + fmt.Sprint(uint32(protocol.FlagLocalNeeded)) + ` != 0`,
		} {
			if plan := queryPlan(t, db, query); !strings.Contains(plan, index) || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("without %s: %s", index, plan)
			}
		}
	}
}

func queryPlan(t *testing.T, db *sql.DB, query string) string {
	rows, err := db.Query("EXPLAIN QUERY PLAN " + query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "; ")
}
