package doctor

import (
	"testing"
	"time"
)

// A report repeats of an error what is known to name nothing, and no number that
// happens to stand in it.
func TestCauses(t *testing.T) {
	t.Parallel()
	for full, want := range map[string]string{
		"it answered 413 Request Entity Too Large": "413 Request Entity Too Large",
		"dial host-4137: 10.4.13.7 is odd":         "[another error]",
		"unknown device":                           "unknown device",
		"device is paused":                         "device is paused",
	} {
		if got := causeOf(full); got.safe != want || got.full != full {
			t.Errorf("%q: %+v, want %q", full, got, want)
		}
	}
	line := `time=2026-11-22T21:00:00+09:00 level=WARN msg="Connection rejected" device=ABC error="unknown device"`
	at, said := safeLog(line)
	if got, want := at+" "+said, `2026-11-22T12:00:00Z WARN Connection rejected error="unknown device"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A report does not say in which part of the world it was made.
func TestMomentsBetrayNoPlace(t *testing.T) {
	t.Parallel()
	moment := time.Date(2026, 11, 22, 21, 0, 0, 0, time.FixedZone("", 9*3600))
	if got := at(moment); got.safe != "2026-11-22 12:00:00 UTC" || got.full != moment.Local().Format(time.DateTime) {
		t.Errorf("%+v", got)
	}
}
