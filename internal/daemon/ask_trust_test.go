package daemon

import (
	"testing"
	"time"

	"github.com/botsync/botsync/internal/history"
)

// What this device has kept of a deletion, no other device puts something else for.
func TestOwnDeletionsCount(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	version := func(minute int, by string, deleted bool, holders ...string) history.Held {
		return history.Held{Version: history.Version{Folder: "shared", Path: "a", Time: at.Add(time.Duration(minute) * time.Minute), By: by, Deleted: deleted}, Holders: holders}
	}
	own := version(2, "AGENT", true, "self", "other")
	older := version(1, "AGENT", false, "other")
	forged := version(3, "AGENT", true, "hostile")
	for name, c := range map[string]struct {
		versions []history.Held
		by       string
		want     int
	}{
		"forged later":       {[]history.Held{older, own, forged}, "AGENT", 2},
		"forged as replaced": {[]history.Held{own, version(3, "AGENT", false, "hostile")}, "AGENT", 1},
		"somebody else's":    {[]history.Held{own, forged}, "SELF", 2},
		"not ours":           {[]history.Held{older, forged}, "AGENT", 2},
		"changed later":      {[]history.Held{own, version(3, "AGENT", false, "self"), forged}, "AGENT", 3},
	} {
		got := ownDeletions(c.versions, "self", func(string, string) string { return c.by })
		if len(got) != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
