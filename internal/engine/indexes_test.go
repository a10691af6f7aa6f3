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
	for _, folders := range [][]config.FolderConfiguration{{{ID: "one"}}, {{ID: "one"}, {ID: "two"}}} {
		if err := e.indexFolders(t.Context(), folders); err != nil {
			t.Fatal(err)
		}
	}
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

// Indexes that are added to a database with files leave it with statistics.
func TestOwnIndexesInAnOlderDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "folder.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		"CREATE TABLE files (device_idx INTEGER, sequence INTEGER PRIMARY KEY, name_idx INTEGER, local_flags INTEGER)",
		"CREATE INDEX files_name_idx_only ON files (name_idx)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 5000) INSERT INTO files SELECT 1, i, i, 0 FROM n",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := addIndexes(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	again, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if plan := queryPlan(t, again, "SELECT 1 FROM files WHERE device_idx = 1 AND name_idx = 7"); !strings.Contains(plan, "files_name_idx_only") {
		t.Errorf("the index that is better is not used: %s", plan)
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
