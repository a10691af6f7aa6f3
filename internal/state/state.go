// Package state keeps what the daemon must not forget in state.db, a SQLite
// database in .botsync. It holds keys of open invites, so it is 0600.
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"syscall"

	"modernc.org/sqlite" // the driver, pure Go
	sqlite3 "modernc.org/sqlite/lib"
)

// migrations are run in order, each once. Never edit one that was released.
var migrations = []string{
	`CREATE TABLE invites (
		id         TEXT    PRIMARY KEY,
		keys       BLOB,              -- of the meeting and the channel; gone once used
		relay      TEXT    NOT NULL,
		port       INTEGER NOT NULL,  -- where the guest of a ticket is expected, else 0
		expires_at INTEGER NOT NULL,  -- Unix milliseconds
		state      TEXT    NOT NULL,  -- open, used or expired
		used_by    TEXT    NOT NULL DEFAULT '',
		record     BLOB               -- of the guest, until it is among the device records
	) STRICT`,

	`CREATE TABLE activity (
		id     INTEGER PRIMARY KEY AUTOINCREMENT, -- the cursor
		at     INTEGER NOT NULL,                  -- Unix milliseconds
		type   TEXT    NOT NULL,
		device TEXT    NOT NULL DEFAULT '',       -- ID
		name   TEXT    NOT NULL DEFAULT '',       -- of the device, as it was then
		role   TEXT    NOT NULL DEFAULT '',       -- likewise
		invite TEXT    NOT NULL DEFAULT '',
		folder TEXT    NOT NULL DEFAULT '',
		path   TEXT    NOT NULL DEFAULT '',
		action TEXT    NOT NULL DEFAULT '',
		kind   TEXT    NOT NULL DEFAULT '',
		size   INTEGER NOT NULL DEFAULT 0
	) STRICT;

	-- How far the index of a folder is in activity.
	CREATE TABLE positions (
		folder   TEXT    PRIMARY KEY, -- the engine's ID of it
		indexed  TEXT    NOT NULL,    -- ID of the index: another one starts anew
		sequence INTEGER NOT NULL
	) STRICT;

	-- What was told of the files that are there, by the engine's ID of the folder.
	CREATE TABLE files (
		folder     TEXT    NOT NULL,
		path       TEXT    NOT NULL,
		content    INTEGER NOT NULL, -- hashes, see engine.Change
		attributes INTEGER NOT NULL,
		PRIMARY KEY (folder, path)
	) STRICT, WITHOUT ROWID;

	-- The devices of which activity has told that they are members.
	CREATE TABLE known_devices (id TEXT PRIMARY KEY) STRICT;`,

	outboxTables,

	undecidedTable,

	activityCounts,
}

// ErrDamaged says that state.db exists and is no database of botsync's.
var ErrDamaged = errors.New("state.db is damaged")

// DB is the open database. Its methods can be called by several goroutines.
type DB struct {
	db *sql.DB
}

// Open opens the database in path and makes it if it is missing.
func Open(ctx context.Context, path string) (*DB, error) {
	// SQLite would make it with the umask's mode.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening state: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("opening state: %w", err)
	}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{
		"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "secure_delete(ON)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("opening state: %w", err)
	}
	db.SetMaxOpenConns(1) // one writer; nothing here is large enough to read beside it
	s := &DB{db: db}
	if err := s.migrate(ctx); err != nil {
		db.Close()
		if err = diskFull(err); ctx.Err() != nil || isCircumstance(err) {
			return nil, fmt.Errorf("opening state: %w", err)
		}
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return s, nil
}

// diskFull makes what SQLite says when there is no room match syscall.ENOSPC.
func diskFull(err error) error {
	switch code(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP:
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	}
	return err
}

// isCircumstance reports whether a database could not be opened because of what
// is around it: it may be in order.
func isCircumstance(err error) bool {
	switch code(err) & 0xff { // the rest tells one error of a kind from another
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM:
		return true
	}
	return errors.Is(err, os.ErrPermission)
}

func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return sqlite3.SQLITE_OK
}

func (s *DB) migrate(ctx context.Context) error {
	if err := quickCheck(ctx, s.db); err != nil {
		return err
	}
	var version int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("it is of version %d, made by a newer botsync", version)
	}
	for i, migration := range migrations[version:] {
		if err := s.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, migration); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+i+1))
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// inTx does something as a whole or not at all. Statements that are prepared for
// it end with it and must not be closed: when ctx ends meanwhile, that would be
// while their connection is closed, which the driver does not survive.
func (s *DB) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Close closes the database.
func (s *DB) Close() error { return s.db.Close() }
