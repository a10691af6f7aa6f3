package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"
)

// Check looks whether the database in path is sound, and returns the time of the
// latest event that it remembers, zero if there is none. It changes nothing, and
// can be called while a daemon has the database open, also one that does not
// respond. It returns fs.ErrNotExist if there is none, and ErrDamaged if it is
// damaged.
func Check(ctx context.Context, path string) (latest time.Time, err error) {
	if info, err := os.Stat(path); err != nil {
		return latest, fmt.Errorf("checking state: %w", err)
	} else if !info.Mode().IsRegular() {
		return latest, fmt.Errorf("checking state: %w: it is no file", ErrDamaged)
	}
	if f, err := os.Open(path); err != nil { // SQLite does not say why it cannot
		return latest, fmt.Errorf("checking state: %w", err)
	} else if err := f.Close(); err != nil {
		return latest, fmt.Errorf("checking state: %w", err)
	}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{
		"mode": {"ro"}, "_pragma": {"query_only(ON)", "busy_timeout(1000)"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return latest, fmt.Errorf("checking state: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	var at sql.NullInt64
	version := 0
	if err = quickCheck(ctx, db); err == nil {
		err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	}
	if err == nil && version > 0 { // else a daemon was killed that had just made it
		err = db.QueryRowContext(ctx, "SELECT max(at) FROM (SELECT at FROM activity ORDER BY id DESC LIMIT 100)").Scan(&at)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return latest, fmt.Errorf("checking state: %w", ctx.Err())
	case isCircumstance(err):
		return latest, fmt.Errorf("checking state: %w", err)
	default:
		return latest, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if at.Valid {
		latest = time.UnixMilli(at.Int64)
	}
	return latest, nil
}

func quickCheck(ctx context.Context, db *sql.DB) error {
	var check string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&check); err != nil {
		return err
	}
	if check != "ok" {
		return errors.New(check)
	}
	return nil
}
