package state

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// activityCounts gives the numbers of files columns of their own. They were in
// size: one of them for what is held and resumed, two for other patterns.
const activityCounts = `
	ALTER TABLE activity ADD COLUMN files        INTEGER NOT NULL DEFAULT 0; -- see api.Event
	ALTER TABLE activity ADD COLUMN files_before INTEGER NOT NULL DEFAULT 0; -- likewise
	UPDATE activity SET files = size, size = 0 WHERE type IN ('held', 'resumed');
	UPDATE activity SET files = size >> 32, files_before = size & 0xffffffff, size = 0 WHERE type = 'ignores_changed';`

// Position is how far the index of a folder has been told as events.
type Position struct {
	Index    string // ID of the index; one that was made anew has another
	Sequence int64  // of the last entry that was told
}

// Entries are events to be kept, with what has to be remembered with them.
type Entries struct {
	Events    []api.Event
	Positions map[string]Position // by the engine's folder ID
	Files     []File              // what is there now
	Devices   []string            // IDs of devices that the events introduce
	Gone      []string            // IDs of devices that are members no more
	Undecided []Undecided         // conflict copies of which to tell later, or never
	Settled   []Undecided         // those for which that is over, as they were read
}

// AddActivity keeps events in their order, and all else of entries, or nothing of
// it. It sets the events' IDs.
func (s *DB) AddActivity(ctx context.Context, entries Entries) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO activity (at, type, device, name, role, invite, folder, path, action, kind, size, files, files_before)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
		if err != nil {
			return err
		}
		for i := range entries.Events {
			e := &entries.Events[i]
			device := api.Device{}
			if e.Device != nil {
				device = *e.Device
			}
			res, err := insert.ExecContext(ctx, e.Time.UnixMilli(), e.Type, device.ID, device.Name, string(device.Role),
				e.Invite, e.Folder, e.Path, e.Action, e.Kind, e.Size, e.Files, e.Before)
			if err != nil {
				return err
			}
			if e.ID, err = res.LastInsertId(); err != nil {
				return err
			}
		}
		for folder, p := range entries.Positions {
			if _, err := tx.ExecContext(ctx, `INSERT INTO positions (folder, indexed, sequence) VALUES (?, ?, ?)
				ON CONFLICT (folder) DO UPDATE SET indexed = excluded.indexed, sequence = excluded.sequence`,
				folder, p.Index, p.Sequence); err != nil {
				return err
			}
		}
		if err := putFiles(ctx, tx, entries.Files); err != nil {
			return err
		}
		for _, id := range entries.Devices {
			if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO known_devices (id) VALUES (?)`, id); err != nil {
				return err
			}
		}
		for _, id := range entries.Gone {
			if _, err := tx.ExecContext(ctx, `DELETE FROM known_devices WHERE id = ?`, id); err != nil {
				return err
			}
		}
		return putUndecided(ctx, tx, entries.Undecided, entries.Settled)
	})
	if err != nil {
		return fmt.Errorf("keeping events: %w", diskFull(err))
	}
	return nil
}

// Position returns how far the index of a folder has been told; the zero
// Position if not at all.
func (s *DB) Position(ctx context.Context, folder string) (Position, error) {
	var p Position
	err := s.db.QueryRowContext(ctx, `SELECT indexed, sequence FROM positions WHERE folder = ?`, folder).Scan(&p.Index, &p.Sequence)
	if err != nil && err != sql.ErrNoRows {
		return p, fmt.Errorf("reading how far a folder was told: %w", err)
	}
	return p, nil
}

// KnownDevices returns the IDs of the devices that were introduced.
func (s *DB) KnownDevices(ctx context.Context) (map[string]bool, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id FROM known_devices`)
	if err != nil {
		return nil, fmt.Errorf("reading known devices: %w", err)
	}
	defer rows.Close()
	known := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("reading known devices: %w", err)
		}
		known[id] = true
	}
	return known, rows.Err()
}

// LastActivity returns the ID of the latest event, 0 if there was none.
func (s *DB) LastActivity(ctx context.Context) (int64, error) {
	var id int64
	// Those that were pruned count as well.
	err := s.db.QueryRowContext(ctx, `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'activity'), 0)`).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("reading the latest event: %w", err)
	}
	return id, nil
}

// ActivityQuery chooses events. Its zero value chooses all.
type ActivityQuery struct {
	After   int64     // ID; events above it
	Before  int64     // ID; events below it, unless 0
	Since   time.Time // not before
	Types   []string  // any of these
	Actions []string  // any of these
	Device  string    // ID of the device
	Folder  string
	Path    string // within Folder: this file, or all below this directory
	Limit   int    // at most so many; 0 means no limit
	Latest  bool   // the latest ones, latest first
}

// Activity returns the chosen events, by rising ID unless the latest are wanted.
func (s *DB) Activity(ctx context.Context, q ActivityQuery) ([]api.Event, error) {
	where, args := []string{"id > ?"}, []any{q.After}
	and := func(cond string, values ...any) { where, args = append(where, cond), append(args, values...) }
	in := func(column string, values []string) {
		if len(values) == 0 {
			return
		}
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		and(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", list...)
	}
	if q.Before > 0 {
		and("id < ?", q.Before)
	}
	if !q.Since.IsZero() {
		and("at >= ?", q.Since.UnixMilli())
	}
	in("type", q.Types)
	in("action", q.Actions)
	if q.Device != "" {
		and("device = ?", q.Device)
	}
	if q.Folder != "" {
		and("folder = ?", q.Folder)
	}
	if q.Path != "" {
		and("(path = ? OR substr(path, 1, length(?) + 1) = ? || '/')", q.Path, q.Path, q.Path)
	}
	order, limit := "ASC", ""
	if q.Latest {
		order = "DESC"
	}
	if q.Limit > 0 {
		limit = fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	rows, err := s.db.QueryContext(ctx, `SELECT id, at, type, device, name, role, invite, folder, path, action, kind, size, files, files_before
		FROM activity WHERE `+strings.Join(where, " AND ")+` ORDER BY id `+order+limit, args...)
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	defer rows.Close()
	var out []api.Event
	for rows.Next() {
		e := api.Event{Schema: api.Schema}
		var at int64
		var device api.Device
		if err := rows.Scan(&e.ID, &at, &e.Type, &device.ID, &device.Name, &device.Role, &e.Invite,
			&e.Folder, &e.Path, &e.Action, &e.Kind, &e.Size, &e.Files, &e.Before); err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
		e.Time = time.UnixMilli(at)
		if device.ID != "" {
			e.Device = &device
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	return out, nil
}

// PruneActivity deletes events from before a time, and the oldest beyond a
// number, but none above the given ID.
func (s *DB) PruneActivity(ctx context.Context, before time.Time, keep int, above int64) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM activity WHERE id <= ? AND
		(at < ? OR id <= (SELECT coalesce(max(id), 0) FROM activity) - ?)`, above, before.UnixMilli(), keep)
	if err != nil {
		return fmt.Errorf("pruning events: %w", err)
	}
	return nil
}
