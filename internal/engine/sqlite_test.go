package engine

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// No samples of indexes are taken, whatever statistics Syncthing asks for.
func TestStatisticsWithoutSamples(t *testing.T) {
	t.Parallel()
	for _, gather := range []string{"ANALYZE", "PRAGMA optimize = 0x10002"} {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, statement := range []string{
			"CREATE TABLE files (name TEXT, size INTEGER)", "CREATE INDEX by_name ON files (name)",
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 5000) INSERT INTO files SELECT 'file ' || i, i FROM n",
			"SELECT * FROM files WHERE name = 'file 7'", gather,
		} {
			if _, err := db.Exec(statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		var statistics, samples int
		if err := db.QueryRow("SELECT count(*) FROM sqlite_stat1").Scan(&statistics); err != nil || statistics == 0 {
			t.Errorf("%s: %d statistics, %v", gather, statistics, err)
		}
		err = db.QueryRow("SELECT count(*) FROM sqlite_stat4").Scan(&samples)
		if err == nil && samples > 0 {
			t.Errorf("%s: %d samples", gather, samples)
		}
	}
}
