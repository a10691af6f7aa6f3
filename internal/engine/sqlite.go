package engine

import (
	"context"

	"modernc.org/libc"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Syncthing has SQLite gather statistics at each start and every eight hours
// (PRAGMA optimize, ANALYZE). Without a limit it also takes samples of indexes,
// sqlite_stat4, to plan a query by the values that it is given; and then it plans
// every query anew each time, since the values are others. That was a third of the
// time of a scan. With a limit it takes no samples: see
// https://www.sqlite.org/lang_analyze.html, "approximate ANALYZE".
const analysisLimit = "PRAGMA analysis_limit = 1000"

// A transaction keeps the pages that a statement changes, so as to take it back if it
// fails: in memory up to 64 KiB, and then in a temporary file until it ends. A batch of
// entries needs a little more, and each of its statements writes to the file then: a fifth
// to a third of the time for which the index is written. So it is more, in bytes: see
// https://www.sqlite.org/tempfiles.html, "Statement Journal Files". It has to be less than
// 128 KiB, which SQLite writes to a file at most at a time (seekAndWriteFd): with more, the
// statement that needs the file would fail, as if the disk were full.
const statementJournal = 127 << 10

func init() {
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
		_, err := conn.ExecContext(context.Background(), analysisLimit, nil)
		return err
	})
}

var statementJournals = keepStatementJournals(statementJournal)

// keepStatementJournals sets how large they are in memory, and reports whether it did: that
// is up to the first connection of the process.
func keepStatementJournals(bytes int32) bool {
	tls := libc.NewTLS()
	defer tls.Close()
	args := libc.Xmalloc(tls, 8) // for one argument
	if args == 0 {
		return false
	}
	defer libc.Xfree(tls, args)
	return sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_STMTJRNL_SPILL, libc.VaList(args, bytes)) == sqlite3.SQLITE_OK
}
