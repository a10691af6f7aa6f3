package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/botsync/botsync/internal/api"
)

const outboxTables = `
	CREATE TABLE targets (
		name      TEXT    PRIMARY KEY,
		position  INTEGER NOT NULL,            -- ID of the last event that is in a notification
		paused    TEXT    NOT NULL DEFAULT '', -- why nothing is sent
		delivered INTEGER NOT NULL DEFAULT 0   -- Unix milliseconds
	) STRICT;

	CREATE TABLE outbox (
		id       INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of sending
		target   TEXT    NOT NULL,
		key      TEXT    NOT NULL,
		body     BLOB    NOT NULL,
		at       INTEGER NOT NULL,                  -- Unix milliseconds
		attempts INTEGER NOT NULL DEFAULT 0,
		parked   TEXT    NOT NULL DEFAULT ''        -- why it is not sent any more
	) STRICT;
	CREATE INDEX outbox_by_target ON outbox (target, id);
	CREATE INDEX outbox_parked ON outbox (target, id) WHERE parked <> '';

	-- When notifications of the last hour were put into the outbox.
	CREATE TABLE outbox_times (target TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
	CREATE INDEX outbox_times_by_target ON outbox_times (target, at);`

// OutboxTargets returns the targets by their names.
func (s *DB) OutboxTargets(ctx context.Context) (map[string]api.OutboxTarget, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT name, position, paused, delivered,
		(SELECT count(*) FROM outbox WHERE target = name),
		(SELECT count(*) FROM outbox WHERE target = name AND parked <> ''),
		coalesce((SELECT parked FROM outbox WHERE target = name AND parked <> '' ORDER BY id DESC LIMIT 1), '')
		FROM targets`)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	defer rows.Close()
	out := map[string]api.OutboxTarget{}
	for rows.Next() {
		var t api.OutboxTarget
		var delivered int64
		if err := rows.Scan(&t.Name, &t.Position, &t.Paused, &delivered, &t.Queued, &t.Parked, &t.Reason); err != nil {
			return nil, fmt.Errorf("reading the outbox: %w", err)
		}
		t.Queued -= t.Parked
		if delivered > 0 {
			t.Delivered = time.UnixMilli(delivered)
		}
		out[t.Name] = t
	}
	return out, rows.Err()
}

// AddOutboxTarget adds a target that is told of events above position. One that
// exists stays as it is.
func (s *DB) AddOutboxTarget(ctx context.Context, name string, position int64) error {
	return s.outbox(ctx, "adding a target", `INSERT OR IGNORE INTO targets (name, position) VALUES (?, ?)`, name, position)
}

// DropOutboxTarget forgets a target, and all that was to be sent to it.
func (s *DB) DropOutboxTarget(ctx context.Context, name string) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"outbox WHERE target", "outbox_times WHERE target", "targets WHERE name"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` = ?`, name); err != nil {
				return err
			}
		}
		return nil
	})
	return outboxError("dropping a target", err)
}

// PassOutbox notes that nothing up to position is left to be told to a target.
func (s *DB) PassOutbox(ctx context.Context, name string, position int64) error {
	return s.outbox(ctx, "passing events", `UPDATE targets SET position = ? WHERE name = ?`, position, name)
}

// errNoTarget says that a target was removed meanwhile.
var errNoTarget = errors.New("the target does not exist")

// Enqueue puts a notification into the outbox of a target and notes that it
// tells of the events up to position: both or neither.
func (s *DB) Enqueue(ctx context.Context, name string, out api.Outgoing, position int64) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE targets SET position = ? WHERE name = ?`, position, name)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(errNoTarget, err)
		}
		at := out.At.UnixMilli()
		if _, err := tx.ExecContext(ctx, `INSERT INTO outbox (target, key, body, at) VALUES (?, ?, ?, ?)`, name, out.Key, out.Body, at); err != nil {
			return err
		}
		// A time to come is from before the clock was set back. One statement for
		// each end: with OR the index is of no use.
		for cond, limit := range map[string]time.Time{"at <= ?": out.At.Add(-time.Hour), "at > ?": out.At} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM outbox_times WHERE target = ? AND `+cond, name, limit.UnixMilli()); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO outbox_times (target, at) VALUES (?, ?)`, name, at)
		return err
	})
	return outboxError("putting a notification into the outbox", err)
}

// EnqueuedSince returns when notifications were put into the outbox of a target,
// the first first, as far as that was above since and not above now.
func (s *DB) EnqueuedSince(ctx context.Context, name string, since, now time.Time) ([]time.Time, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT at FROM outbox_times WHERE target = ? AND at > ? AND at <= ? ORDER BY at`,
		name, since.UnixMilli(), now.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	defer rows.Close()
	var out []time.Time
	for rows.Next() {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return nil, fmt.Errorf("reading the outbox: %w", err)
		}
		out = append(out, time.UnixMilli(at))
	}
	return out, rows.Err()
}

// Outbox returns what is to be sent to a target, in order: at most limit
// notifications, and no more once their bodies have maxBytes together.
func (s *DB) Outbox(ctx context.Context, name string, limit, maxBytes int) ([]api.Outgoing, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, key, body, at, attempts FROM outbox
		WHERE target = ? AND parked = '' ORDER BY id LIMIT ?`, name, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	defer rows.Close()
	var out []api.Outgoing
	for size := 0; size < maxBytes && rows.Next(); {
		var o api.Outgoing
		var at int64
		if err := rows.Scan(&o.ID, &o.Key, &o.Body, &at, &o.Attempts); err != nil {
			return nil, fmt.Errorf("reading the outbox: %w", err)
		}
		o.At = time.UnixMilli(at)
		size += len(o.Body)
		out = append(out, o)
	}
	return out, rows.Err()
}

// Delivered removes notifications that a target has accepted.
func (s *DB) Delivered(ctx context.Context, name string, ids []int64, at time.Time) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		remove, err := tx.PrepareContext(ctx, `DELETE FROM outbox WHERE id = ?`)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := remove.ExecContext(ctx, id); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `UPDATE targets SET delivered = ? WHERE name = ?`, at.UnixMilli(), name)
		return err
	})
	return outboxError("removing what was delivered", err)
}

// CountAttempt notes one more attempt that failed in a way that counts.
func (s *DB) CountAttempt(ctx context.Context, id int64) error {
	return s.outbox(ctx, "counting an attempt", `UPDATE outbox SET attempts = attempts + 1 WHERE id = ?`, id)
}

// Park keeps a notification from being sent, until RetryOutbox.
func (s *DB) Park(ctx context.Context, id int64, reason string) error {
	return s.outbox(ctx, "parking a notification", `UPDATE outbox SET parked = ? WHERE id = ?`, reason, id)
}

// PauseOutbox keeps everything from being sent to a target, until RetryOutbox.
func (s *DB) PauseOutbox(ctx context.Context, name, reason string) error {
	return s.outbox(ctx, "pausing a target", `UPDATE targets SET paused = ? WHERE name = ?`, reason, name)
}

// RetryOutbox takes back what Park and PauseOutbox did for a target.
func (s *DB) RetryOutbox(ctx context.Context, name string) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE targets SET paused = '' WHERE name = ?`, name); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE outbox SET parked = '', attempts = 0 WHERE target = ? AND (parked <> '' OR attempts > 0)`, name)
		return err
	})
	return outboxError("taking up a target again", err)
}

// OutboxPosition returns the ID of the last event that every target has been
// told of: those above it must be kept. Without a target that is the largest ID
// there can be.
func (s *DB) OutboxPosition(ctx context.Context) (int64, error) {
	var position int64
	if err := s.db.QueryRowContext(ctx, `SELECT coalesce(min(position), ?) FROM targets`, int64(math.MaxInt64)).Scan(&position); err != nil {
		return 0, fmt.Errorf("reading the outbox: %w", err)
	}
	return position, nil
}

func (s *DB) outbox(ctx context.Context, what, statement string, args ...any) error {
	_, err := s.db.ExecContext(ctx, statement, args...)
	return outboxError(what, err)
}

func outboxError(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, diskFull(err))
	}
	return nil
}
