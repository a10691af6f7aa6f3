package state

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const undecidedTable = `
	-- Conflict copies of which nothing is told yet, because they may be merged.
	CREATE TABLE undecided (
		folder TEXT    NOT NULL, -- the engine's ID of it
		path   TEXT    NOT NULL,
		since  INTEGER NOT NULL, -- Unix milliseconds
		PRIMARY KEY (folder, path)
	) STRICT, WITHOUT ROWID;`

// Undecided is a conflict copy of which nothing is told yet.
type Undecided struct {
	Folder string // the engine's ID of it
	Path   string
	Since  time.Time // when it came about or arrived
}

// UndecidedConflicts returns conflict copies that were entered and not settled, those
// that wait longest first, at most limit of them.
func (s *DB) UndecidedConflicts(ctx context.Context, limit int) ([]Undecided, error) {
	wrap := func(err error) error { return fmt.Errorf("reading conflicts that are not told of: %w", err) }
	rows, err := s.db.QueryContext(ctx, `SELECT folder, path, since FROM undecided ORDER BY since, folder, path LIMIT ?`, limit)
	if err != nil {
		return nil, wrap(err)
	}
	defer rows.Close()
	var out []Undecided
	for rows.Next() {
		var u Undecided
		var since int64
		if err := rows.Scan(&u.Folder, &u.Path, &since); err != nil {
			return nil, wrap(err)
		}
		u.Since = time.UnixMilli(since)
		out = append(out, u)
	}
	if err := rows.Err(); err != nil {
		return nil, wrap(err)
	}
	return out, nil
}

func putUndecided(ctx context.Context, tx *sql.Tx, enter, settle []Undecided) error {
	for _, u := range enter {
		if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO undecided (folder, path, since) VALUES (?, ?, ?)`,
			u.Folder, u.Path, u.Since.UnixMilli()); err != nil {
			return err
		}
	}
	for _, u := range settle {
		// One that was entered anew since it was read is not settled.
		if _, err := tx.ExecContext(ctx, `DELETE FROM undecided WHERE folder = ? AND path = ? AND since = ?`,
			u.Folder, u.Path, u.Since.UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}
