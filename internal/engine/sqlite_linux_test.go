package engine

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a transaction keeps to take back a statement that fails is in memory, and in a
// file only when it is large.
func TestStatementJournals(t *testing.T) { // not parallel: it looks at the files of the process
	if !statementJournals {
		t.Fatal("SQLite was not told how large they are")
	}
	for what, test := range map[string]struct {
		rows int
		file bool
	}{"100 KiB": {700, false}, "200 KiB": {1400, true}, "2 MiB": {20000, true}} {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback() //nolint:errcheck
		for _, statement := range []string{
			"CREATE TABLE files (n INTEGER UNIQUE, text TEXT)",
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20000) INSERT INTO files SELECT i, printf('%100d', i) FROM n",
		} {
			if _, err := tx.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		before := temporaryFiles(t)
		if _, err := tx.Exec("UPDATE files SET n = n + 100000 WHERE n <= ?", test.rows); err != nil {
			t.Fatal(err)
		}
		files := slices.DeleteFunc(temporaryFiles(t), func(name string) bool { return slices.Contains(before, name) })
		if (len(files) > 0) != test.file {
			t.Errorf("%s: %q", what, files)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}

// temporaryFiles are those that the process has open: they have no name any more.
func temporaryFiles(t *testing.T) []string {
	t.Helper()
	const dir = "/proc/self/fd"
	fds, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, fd := range fds {
		if name, err := os.Readlink(filepath.Join(dir, fd.Name())); err == nil && strings.HasSuffix(name, " (deleted)") {
			out = append(out, name)
		}
	}
	return out
}
