package cli

import (
	"testing"
	"time"
)

func TestParseSince(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("somewhere", 2*60*60)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, zone)
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, zone)
	}
	for s, want := range map[string]struct {
		time   time.Time
		cursor int64
	}{
		"0":                         {time.Time{}, 0},
		"4711":                      {time.Time{}, 4711},
		"2h":                        {at(11, 22, 10, 0), 0},
		"90m":                       {at(11, 22, 10, 30), 0},
		"1h30m":                     {at(11, 22, 10, 30), 0},
		"0d":                        {now, 0},
		"2d":                        {at(11, 20, 12, 0), 0},
		"2026-11-21":                {at(11, 21, 0, 0), 0},
		"2026-11-21 08:30":          {at(11, 21, 8, 30), 0},
		"2026-11-21 08:30:00":       {at(11, 21, 8, 30), 0},
		"2026-11-21T08:30:00+02:00": {at(11, 21, 8, 30), 0},
		"2026-11-21T06:30:00Z":      {at(11, 21, 8, 30), 0},
	} {
		since, cursor, err := parseSince(s, now)
		if err != nil || !since.Equal(want.time) || cursor != want.cursor {
			t.Errorf("%q: %v, %d, %v", s, since, cursor, err)
		}
	}
	for _, bad := range []string{"", "-1", "-2h", "yesterday", "2 h", "d", "-3d", "99999999999999999999", "999999999999d", "2026-13-01", "12:00", "1e3"} {
		if since, cursor, err := parseSince(bad, now); err == nil {
			t.Errorf("%q is taken for %v, %d", bad, since, cursor)
		}
	}
}
