package cli

import (
	"testing"
	"time"
)

// Whatever is given as a time: it is an error, a cursor, or a time that is sure to be
// one.
func FuzzParseSince(f *testing.F) {
	for _, s := range []string{"0", "12", "2h", "3d", "99999d", "-1", "-2h", "2026-11-22", "2026-11-22T15:04:05Z", "2026-11-22 15:04", "9223372036854775807", "1e9h", ""} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		since, cursor, err := parseSince(s, now)
		if cursor < 0 || cursor > 0 && !since.IsZero() || err != nil && (cursor != 0 || !since.IsZero()) {
			t.Fatalf("%q: %v, %d, %v", s, since, cursor, err)
		}
		at, err := parseTime("at", s, now)
		if err == nil && at.IsZero() {
			t.Fatalf("%q is no time, and no error", s)
		}
	})
}
