package state

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestAnInviteIsUsedOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?c#ü.db")
	db := open(t, path)
	ctx, now := t.Context(), time.UnixMilli(1_800_000_000_000)
	inv := Invite{ID: "i", Keys: []byte("keys"), Relay: "https://relay", ExpiresAt: now.Add(10 * time.Minute)}
	if err := db.AddInvite(ctx, inv); err != nil {
		t.Fatal(err)
	}
	if err := db.Redeem(ctx, "i", "late", nil, now.Add(10*time.Minute)); !errors.Is(err, ErrNotOpen) {
		t.Fatalf("redeeming an expired invite: %v", err)
	}
	if err := db.Redeem(ctx, "other", "d", nil, now); !errors.Is(err, ErrNotOpen) {
		t.Fatalf("redeeming an invite that never was: %v", err)
	}
	if open, err := db.OpenInvites(ctx, now); err != nil || len(open) != 1 || open[0].Relay != inv.Relay || !open[0].ExpiresAt.Equal(inv.ExpiresAt) {
		t.Fatalf("open invites: %+v, %v", open, err)
	}
	if err := db.Redeem(ctx, "i", "d", []byte("record"), now); err != nil {
		t.Fatal(err)
	}
	if err := db.Redeem(ctx, "i", "d", []byte("record"), now); !errors.Is(err, ErrNotOpen) {
		t.Fatalf("redeeming twice: %v", err)
	}

	// What was redeemed is still known after a crash, until it is settled.
	db.Close()
	db = open(t, path)
	left, err := db.UnsettledRedeemed(ctx)
	if err != nil || len(left) != 1 || string(left[0].Record) != "record" {
		t.Fatalf("unsettled: %+v, %v", left, err)
	}
	if err := db.SettleRedeemed(ctx, "i"); err != nil {
		t.Fatal(err)
	}
	if left, err := db.UnsettledRedeemed(ctx); err != nil || len(left) != 0 {
		t.Fatalf("unsettled after settling: %+v, %v", left, err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestExpiredInvitesLoseTheirKeys(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	ctx, now := t.Context(), time.UnixMilli(1_800_000_000_000)
	for id, expires := range map[string]time.Time{"old": now.Add(-48 * time.Hour), "expired": now, "open": now.Add(time.Minute)} {
		if err := db.AddInvite(ctx, Invite{ID: id, Keys: []byte("keys"), ExpiresAt: expires}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.ExpireInvites(ctx, now); err != nil {
		t.Fatal(err)
	}
	var kept, withKeys int
	if err := db.db.QueryRow(`SELECT count(*), count(keys) FROM invites`).Scan(&kept, &withKeys); err != nil {
		t.Fatal(err)
	}
	if kept != 2 || withKeys != 1 {
		t.Fatalf("%d invites kept, %d with keys; want 2 and 1", kept, withKeys)
	}
}

func TestDamagedFileIsNotTouched(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	garbage := []byte("this is no database, whatever its name says, and long enough to have a header")
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrDamaged) {
		t.Fatalf("opening garbage: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(garbage) {
		t.Fatalf("the file was changed: %q, %v", got, err)
	}
}

func TestNewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	if _, err := db.db.Exec("PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(context.Background(), path); !errors.Is(err, ErrDamaged) {
		t.Fatalf("opening a newer state: %v", err)
	}
}

// A database that cannot be opened where it is may be in order: nobody should be
// told to move it away.
func TestWhatIsAroundADatabaseIsNoDamage(t *testing.T) {
	t.Parallel()
	long := t.TempDir()
	for len(long) < 600 { // more than SQLite takes
		long = filepath.Join(long, strings.Repeat("x", 100))
	}
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), filepath.Join(long, "state.db"))
	if err == nil || errors.Is(err, ErrDamaged) {
		t.Fatalf("opening it under a path that is too long: %v", err)
	}
}
