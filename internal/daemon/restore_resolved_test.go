package daemon

import (
	"testing"
	"time"

	"github.com/botsync/botsync/internal/conflict"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
)

// A conflict copy that was resolved does not come back with what is deleted, and one of
// which that is not certain does.
func TestResolvedConflictsStayResolved(t *testing.T) {
	t.Parallel()
	const self, other = "MRIW7OK-NETT3M4-N6SBWME-N25O76W-YJKVXPH-FUMQJ3S-P57B74J-GBITBAC", "I6KAH76-66SLLLB-5PFXSOA-UFJCDZC-YAOMLEK-CP2GB32-BV5RQST-3PSROAU"
	me, they := engine.ShortID(self), engine.ShortID(other)
	wrote := time.Date(2026, 11, 22, 15, 0, 0, 123456000, time.UTC)
	copied := conflict.Make("d/a.md", wrote, they)
	version := func(path, by string, deleted bool, modified time.Time, holders ...string) history.Held {
		return history.Held{Version: history.Version{Folder: "shared", Path: path, By: by, Deleted: deleted, Size: 5, Modified: modified}, Holders: holders}
	}
	gone := version(copied, me, true, wrote, other)
	linked, round := gone, gone
	linked.Symlink = true
	round.Modified = wrote.Truncate(time.Second)
	shorter := version("d/a.md", me, false, wrote, self)
	shorter.Size = 4
	link := version("d/a.md", me, false, wrote, self)
	link.Symlink = true
	there := func(modified time.Time) history.State { return history.State{There: true, Size: 5, Modified: modified} }
	beside := conflict.Beside("d/a.md", wrote, "laptop", 1)
	for name, test := range map[string]struct {
		deleted []history.Held // gone, if there are none
		others  []history.Held
		now     map[string]history.State
		back    bool
	}{
		"nothing is known of it":                             {back: true},
		"dropped, and kept by who did":                       {others: []history.Held{version("d/a.md", me, false, wrote, self)}},
		"merged, which others have as well":                  {others: []history.Held{version("d/a.md", me, false, wrote, other, self)}},
		"kept by another device when it became a copy":       {others: []history.Held{version("d/a.md", me, false, wrote, other)}, back: true},
		"kept by a device that did not delete it":            {others: []history.Held{version("d/a.md", they, false, wrote, other)}, back: true},
		"what was kept is older":                             {others: []history.Held{version("d/a.md", me, false, wrote.Add(-time.Millisecond), self)}, back: true},
		"what was kept is shorter":                           {others: []history.Held{shorter}, back: true},
		"what was kept is a link":                            {others: []history.Held{link}, back: true},
		"what was kept is of another file":                   {others: []history.Held{version("d/b.md", me, false, wrote, self)}, back: true},
		"it took the place of the file":                      {now: map[string]history.State{"d/a.md": there(wrote)}},
		"the file is another one now":                        {now: map[string]history.State{"d/a.md": there(wrote.Add(time.Second))}, back: true},
		"it got an ordinary name":                            {now: map[string]history.State{beside: there(wrote)}},
		"it took the place of the file, and that comes back": {deleted: []history.Held{version("d/a.md", they, true, wrote, self), gone}},
		"the file was deleted, and is not to come back":      {others: []history.Held{version("d/a.md", they, true, wrote, self)}, back: true},
		"another version of the file comes back":             {deleted: []history.Held{version("d/a.md", they, true, wrote.Add(time.Second), self), gone}, back: true},
		"a link":                                             {deleted: []history.Held{linked}, now: map[string]history.State{"d/a.md": there(wrote)}, back: true},
		"a time that is not its own":                         {deleted: []history.Held{round}, now: map[string]history.State{"d/a.md": there(round.Modified)}, back: true},
		"no conflict copy":                                   {deleted: []history.Held{version("d/c.md", me, true, wrote, other)}, others: []history.Held{version("d/c.md", me, false, wrote, self)}, back: true},
	} {
		deleted := test.deleted
		if deleted == nil {
			deleted = []history.Held{gone}
		}
		got := unresolved(deleted, append(test.others, deleted...), func(_, path string) history.State { return test.now[path] },
			func(string) string { return "laptop" })
		wanted := len(deleted) - 1
		if test.back {
			wanted++
		}
		if len(got) != wanted {
			t.Errorf("%s: %d of %d come back: %+v", name, len(got), len(deleted), got)
		}
	}
}
