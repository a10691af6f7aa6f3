package engine

import (
	"context"

	"modernc.org/sqlite"
)

// Syncthing has SQLite gather statistics at each start and every eight hours
// (PRAGMA optimize, ANALYZE). Without a limit it also takes samples of indexes,
// sqlite_stat4, to plan a query by the values that it is given; and then it plans
// every query anew each time, since the values are others. That was a third of the
// time of a scan. With a limit it takes no samples: see
// https://www.sqlite.org/lang_analyze.html, "approximate ANALYZE".
const analysisLimit = "PRAGMA analysis_limit = 1000"

func init() {
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
		_, err := conn.ExecContext(context.Background(), analysisLimit, nil)
		return err
	})
}
