package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Invite is an open invite.
type Invite struct {
	ID        string
	Keys      []byte // what the code was turned into; the code itself is not kept
	Relay     string // URL, in addition to the configured one
	Port      int    // where the guest of a ticket is expected, else 0
	ExpiresAt time.Time
}

// Redeemed is a guest that was let in and is not yet among the device records.
type Redeemed struct {
	InviteID string
	Record   []byte
}

// ErrNotOpen says that an invite was used, has expired or never was.
var ErrNotOpen = errors.New("the invite is not open")

// AddInvite stores a new open invite.
func (s *DB) AddInvite(ctx context.Context, i Invite) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO invites (id, keys, relay, port, expires_at, state) VALUES (?, ?, ?, ?, ?, 'open')`,
		i.ID, i.Keys, i.Relay, i.Port, i.ExpiresAt.UnixMilli())
	if err != nil {
		return fmt.Errorf("storing invite: %w", diskFull(err))
	}
	return nil
}

// OpenInvites returns the invites that are open at the given time.
func (s *DB) OpenInvites(ctx context.Context, now time.Time) ([]Invite, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, keys, relay, port, expires_at FROM invites
		WHERE state = 'open' AND expires_at > ? ORDER BY expires_at`, now.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("reading invites: %w", err)
	}
	defer rows.Close()
	var open []Invite
	for rows.Next() {
		var i Invite
		var expires int64
		if err := rows.Scan(&i.ID, &i.Keys, &i.Relay, &i.Port, &expires); err != nil {
			return nil, fmt.Errorf("reading invites: %w", err)
		}
		i.ExpiresAt = time.UnixMilli(expires)
		open = append(open, i)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading invites: %w", err)
	}
	return open, nil
}

// Redeem uses up an open invite for a device, whose record is kept with it
// until SettleRedeemed. It returns ErrNotOpen if the invite is not open at the
// given time. Once it has returned nil the device is in, whatever happens.
func (s *DB) Redeem(ctx context.Context, id, device string, record []byte, now time.Time) error {
	res, err := s.db.ExecContext(ctx, `UPDATE invites SET state = 'used', keys = NULL, used_by = ?, record = ?
		WHERE id = ? AND state = 'open' AND expires_at > ?`, device, record, id, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("redeeming invite: %w", diskFull(err))
	}
	if n, err := res.RowsAffected(); err != nil {
		return fmt.Errorf("redeeming invite: %w", err)
	} else if n == 0 {
		return ErrNotOpen
	}
	return nil
}

// UnsettledRedeemed returns the guests that were let in and not settled.
func (s *DB) UnsettledRedeemed(ctx context.Context) ([]Redeemed, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, record FROM invites WHERE record IS NOT NULL`)
	if err != nil {
		return nil, fmt.Errorf("reading invites: %w", err)
	}
	defer rows.Close()
	var out []Redeemed
	for rows.Next() {
		var r Redeemed
		if err := rows.Scan(&r.InviteID, &r.Record); err != nil {
			return nil, fmt.Errorf("reading invites: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// SettleRedeemed notes that the guest of an invite is among the device records.
func (s *DB) SettleRedeemed(ctx context.Context, inviteID string) error {
	if _, err := s.db.ExecContext(ctx, `UPDATE invites SET record = NULL WHERE id = ?`, inviteID); err != nil {
		return fmt.Errorf("settling invite: %w", err)
	}
	return nil
}

// ExpireInvite closes an invite that is open, whatever the clock shows, and forgets
// its keys.
func (s *DB) ExpireInvite(ctx context.Context, id string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE invites SET state = 'expired', keys = NULL WHERE state = 'open' AND id = ?`, id)
	if err != nil {
		return fmt.Errorf("expiring an invite: %w", err)
	}
	return nil
}

// ExpireInvites closes the invites whose time has come, forgets their keys, and
// deletes what ended more than a day ago.
func (s *DB) ExpireInvites(ctx context.Context, now time.Time) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE invites SET state = 'expired', keys = NULL
			WHERE state = 'open' AND expires_at <= ?`, now.UnixMilli()); err != nil {
			return fmt.Errorf("expiring invites: %w", err)
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM invites WHERE state <> 'open' AND record IS NULL AND expires_at <= ?`,
			now.Add(-24*time.Hour).UnixMilli())
		if err != nil {
			return fmt.Errorf("expiring invites: %w", err)
		}
		return nil
	})
}
