package history

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	agent = "AGENTAA"
	me    = "MEMEMEM"
)

func at(minute int) time.Time {
	return time.Unix(1_790_000_000, 0).Add(time.Duration(minute) * time.Minute)
}

func version(path string, minute int, by string, size int64) Version {
	return Version{Folder: "shared", Path: path, Time: at(minute), By: by, Size: size, Modified: at(minute - 100)}
}

func held(versions ...Version) []Held {
	return Merge([]Answer{{"here", versions}})
}

func TestMerge(t *testing.T) {
	t.Parallel()
	one, two := version("a", 1, agent, 1), version("a", 2, agent, 2)
	later := one
	later.Time = at(5) // that device heard of the change later
	got := Merge([]Answer{{"here", []Version{two}}, {"nas", []Version{later, two}}, {"phone", []Version{later}}})
	want := []Held{{two, []string{"here", "nas"}, []string{"", ""}}, {later, []string{"nas", "phone"}, []string{"", ""}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// The same content that went twice is two versions.
	if got := held(one, later); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Custom(func(t *rapid.T) Version {
			return version(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "path"), rapid.IntRange(0, 9).Draw(t, "at"), agent, 1)
		})
		mine, theirs := rapid.SliceOf(v).Draw(t, "mine"), rapid.SliceOf(v).Draw(t, "theirs")
		merged := Merge([]Answer{{"here", mine}, {"nas", theirs}})
		held := map[string]int{}
		for _, h := range merged {
			for _, who := range h.Holders {
				held[who]++
			}
		}
		if held["here"] != len(mine) || held["nas"] != len(theirs) {
			t.Fatalf("%v of %d and %d", held, len(mine), len(theirs))
		}
		if !slices.IsSortedFunc(merged, func(a, b Held) int { return a.Time.Compare(b.Time) }) {
			t.Fatal("not by time")
		}
	})
}

func TestAt(t *testing.T) {
	t.Parallel()
	all := held(version("a", 10, agent, 1), version("a", 20, agent, 2))
	for _, test := range []struct {
		at   time.Time
		size int64 // 0 for none
	}{
		{time.Time{}, 2}, {at(-100_000), 1}, {at(5), 1}, {at(10), 1}, {at(11), 2}, {at(20), 2}, {at(21), 0},
	} {
		v, ok := At(all, test.at)
		if v.Size != test.size || ok != (test.size > 0) {
			t.Errorf("%v: %+v, %v", test.at, v, ok)
		}
	}
	if _, ok := At(nil, time.Time{}); ok {
		t.Error("of nothing")
	}
}

func TestDeleted(t *testing.T) {
	t.Parallel()
	gone, back, replacedLast := version("gone", 2, agent, 2), version("back", 2, agent, 2), version("replaced", 1, agent, 1)
	gone.Deleted, back.Deleted = true, true
	all := held(version("gone", 1, agent, 1), gone, back, replacedLast)
	got := Deleted(all, func(_, path string) bool { return path == "back" })
	if len(got) != 1 || got[0].Path != "gone" || got[0].Size != 2 {
		t.Errorf("%+v", got)
	}
}

// What a restore has kept and then did not replace, since a kill came between, is no
// change of anybody's: to run the undo again does the rest.
func TestUndoAfterAKill(t *testing.T) {
	t.Parallel()
	of := func(v Version, written int) Version {
		v.Modified = at(written)
		return v
	}
	first, unreplaced := of(version("a", 10, agent, 1), 2), of(version("a", 20, me, 9), 10)
	now := State{There: true, Size: 9, Modified: at(10), By: agent}
	later := State{There: true, Size: 9, Modified: at(30), By: agent}
	for what, test := range map[string]struct {
		versions []Version
		now      State
		restore  int64 // size of what comes back; 0 for nothing
	}{
		"kept, and not replaced":                {[]Version{first, unreplaced}, now, 1},
		"twice":                                 {[]Version{first, unreplaced, of(version("a", 25, me, 9), 10)}, now, 1},
		"changed again since":                   {[]Version{first, unreplaced, of(version("a", 30, agent, 9), 10)}, later, 1},
		"kept, replaced, and changed again":     {[]Version{first, unreplaced, of(version("a", 30, agent, 8), 20)}, later, 8},
		"kept, replaced, and what came is lost": {[]Version{first, unreplaced}, later, 0},
	} {
		got := PlanUndo(held(test.versions...), agent, at(10), false, func(_, _ string) State { return test.now }, func(Held) bool { return false }, notMade)
		if (len(got.Restore) == 1) != (test.restore > 0) || test.restore > 0 && got.Restore[0].Size != test.restore {
			t.Errorf("%s: restores %+v, leaves out %+v", what, got.Restore, got.Others)
		}
	}
}

// What was kept and what is there have the same time if they have it to the microsecond:
// the disk that either of them is on may have cut off the rest.
func TestCarriedOut(t *testing.T) {
	t.Parallel()
	written := at(5).Add(123456789 * time.Nanosecond)
	cut := written.Truncate(time.Microsecond)
	now := State{There: true, Size: 9, Modified: written, By: agent}
	for what, test := range map[string]struct {
		by       string
		modified time.Time
		change   func(*Version)
		now      time.Time
		out      bool // it is left out
	}{
		"the same":                      {by: me, modified: written, now: written, out: true},
		"cut where it is kept":          {by: me, modified: cut, now: written, out: true},
		"cut where it is":               {by: me, modified: written, now: cut, out: true},
		"cut in another zone":           {by: me, modified: cut.UTC(), now: written.In(time.FixedZone("", 3600)), out: true},
		"before 1970":                   {by: me, modified: time.Unix(-1, 123456000), now: time.Unix(-1, 123456789), out: true},
		"a microsecond later":           {by: me, modified: written, now: written.Add(time.Microsecond)},
		"a microsecond earlier":         {by: me, modified: written, now: cut.Add(-time.Nanosecond)},
		"another second, the same rest": {by: me, modified: written, now: written.Add(time.Second)},
		"cut to more than that":         {by: me, modified: written, now: written.Truncate(time.Millisecond)},
		"by the device itself":          {by: agent, modified: written, now: written},
		"of another size":               {by: me, modified: written, now: written, change: func(v *Version) { v.Size++ }},
		"a link":                        {by: me, modified: written, now: written, change: func(v *Version) { v.Symlink = true }},
		"of no known time":              {by: me},
	} {
		v, later := version("a", 10, test.by, now.Size), version("a", 20, agent, now.Size)
		if v.Modified = test.modified; test.change != nil {
			test.change(&v)
		}
		later.Modified, now.Modified = test.now, test.now
		if got := carriedOut(held(v), agent, now); (len(got) == 0) != test.out {
			t.Errorf("%s: of what is there now: %+v", what, got)
		}
		// What was there then is known from the version after it, whatever is there now.
		got := carriedOut([]Held{{Version: v}, {Version: later}}, agent, State{})
		if (len(got) == 1) != test.out || !got[len(got)-1].Time.Equal(later.Time) {
			t.Errorf("%s: of what was there until later: %+v", what, got)
		}
	}
}

func notMade(_, _ string) time.Time { return time.Time{} }

// What a device has made since then was not there before: no draft of it comes back,
// unless it has deleted it.
func TestUndoOfDrafts(t *testing.T) {
	t.Parallel()
	draft := func(minute int, by string, size int64, deleted bool) Version {
		v := version("a", minute, by, size)
		v.Modified, v.Deleted = at(minute-1), deleted
		return v
	}
	old := draft(13, agent, 1, false)
	old.Modified = at(9)
	there, gone := State{There: true, Size: 99, By: agent}, State{By: agent}
	for what, test := range map[string]struct {
		versions []Version
		made     int
		now      State
		restore  int64 // size of what comes back; 0 for nothing
		new      bool
	}{
		"made and changed":                  {[]Version{draft(13, agent, 1, false), draft(14, agent, 2, false)}, 12, there, 0, true},
		"made, changed and deleted":         {[]Version{draft(13, agent, 1, false), draft(14, agent, 2, true)}, 12, gone, 2, false},
		"made and deleted":                  {[]Version{draft(13, agent, 1, true)}, 12, gone, 1, false},
		"made after others deleted it":      {[]Version{draft(11, me, 1, true), draft(13, agent, 2, false)}, 12, there, 0, true},
		"made anew by itself":               {[]Version{draft(11, agent, 1, true), draft(13, agent, 2, false)}, 12, there, 1, false},
		"made, deleted and made anew":       {[]Version{draft(13, agent, 1, true), draft(14, agent, 2, false)}, 12, there, 1, false},
		"changed by others in between":      {[]Version{draft(13, me, 1, false), draft(14, agent, 2, false)}, 12, there, 2, false},
		"known since, and changed before":   {[]Version{draft(13, agent, 1, false)}, 14, there, 1, false},
		"known since, and written before":   {[]Version{old}, 12, there, 1, false},
		"not known to have been made since": {[]Version{draft(13, agent, 1, false)}, 0, there, 1, false},
	} {
		made := func(_, _ string) time.Time {
			if test.made == 0 {
				return time.Time{}
			}
			return at(test.made)
		}
		got := PlanUndo(held(test.versions...), agent, at(10), false, func(_, _ string) State { return test.now }, func(Held) bool { return false }, made)
		if (len(got.Restore) == 1) != (test.restore > 0) || test.restore > 0 && got.Restore[0].Size != test.restore || (len(got.Made) == 1) != test.new || len(got.Others) > 0 {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

func TestPlanUndo(t *testing.T) {
	t.Parallel()
	there := func(by string) State { return State{There: true, Size: 99, By: by} }
	settled := there(agent)
	settled.Unsettled = true
	for what, test := range map[string]struct {
		versions []Version
		now      State
		restore  int64  // size of what comes back; 0 for nothing
		other    string // who changed it since; empty if nobody
	}{
		"changed once":                  {[]Version{version("a", 10, agent, 1)}, there(agent), 1, ""},
		"changed often":                 {[]Version{version("a", 9, agent, 1), version("a", 10, agent, 2), version("a", 11, agent, 3)}, there(agent), 2, ""},
		"deleted":                       {[]Version{version("a", 10, agent, 1)}, State{By: agent}, 1, ""},
		"changed before":                {[]Version{version("a", 9, agent, 1)}, there(agent), 0, ""},
		"changed by others":             {[]Version{version("a", 10, me, 1)}, there(me), 0, ""},
		"changed by me before":          {[]Version{version("a", 10, me, 1), version("a", 11, agent, 2)}, there(agent), 2, ""},
		"changed by me after":           {[]Version{version("a", 10, agent, 1)}, there(me), 0, me},
		"by me in between":              {[]Version{version("a", 10, agent, 1), version("a", 11, me, 2), version("a", 12, agent, 3)}, there(agent), 3, ""},
		"by me in between, and last":    {[]Version{version("a", 10, agent, 1), version("a", 11, me, 2), version("a", 12, agent, 3)}, there(me), 0, me},
		"by me in between, then lost":   {[]Version{version("a", 10, agent, 1), version("a", 11, me, 2)}, there(agent), 0, me},
		"restored already":              {[]Version{version("a", 10, agent, 1)}, State{There: true, Size: 1, By: me}, 0, ""},
		"as big as before":              {[]Version{version("a", 10, agent, 7)}, State{There: true, Size: 7, By: agent}, 7, ""},
		"being changed here":            {[]Version{version("a", 10, agent, 1)}, settled, 0, "?"},
		"deleted by me since":           {[]Version{version("a", 10, agent, 1)}, State{By: me}, 0, me},
		"restored, and changed by them": {[]Version{version("a", 10, agent, 1), version("a", 20, agent, 2)}, there(agent), 1, ""},
	} {
		state := func(_, _ string) State { return test.now }
		same := func(v Held) bool { return v.Size == 1 }
		got := PlanUndo(held(test.versions...), agent, at(10), false, state, same, notMade)
		if (len(got.Restore) == 1) != (test.restore > 0) || test.restore > 0 && got.Restore[0].Size != test.restore {
			t.Errorf("%s: restores %+v", what, got.Restore)
		}
		want := test.other
		if want == "?" {
			want = ""
		}
		if (len(got.Others) == 1) != (test.other != "") || test.other != "" && got.Others[0].By != want {
			t.Errorf("%s: leaves out %+v", what, got.Others)
		}
		if forced := PlanUndo(held(test.versions...), agent, at(10), true, state, same, notMade); len(forced.Others) > 0 || test.other != "" && len(forced.Restore) != 1 {
			t.Errorf("%s: forced: %+v", what, forced)
		}
	}
}
