package daemon

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/history"
)

// However many versions a device has, who asks gets each of them once, and is told
// if not.
func TestAllPagesTogether(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
		var all []history.Version
		for i := range rapid.IntRange(0, 40).Draw(t, "versions") {
			if i == 0 || all[max(i-2, 0)].Time.Before(at) && rapid.Bool().Draw(t, "same time") {
				at = at.Add(time.Microsecond)
			}
			name := fmt.Sprint(i)
			all = append(all, history.Version{Folder: "shared", Path: name, Time: at, File: "shared/" + history.Name(name, at, "MTJ5VA7", false)})
			at = at.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "later")) * time.Microsecond)
		}
		ties := map[time.Time]int{}
		for _, v := range all {
			ties[v.Time]++
		}
		most := 1
		for n := range maps.Values(ties) {
			most = max(most, n)
		}
		size := most + rapid.IntRange(1, 12).Draw(t, "page")
		bytes := 1 << 20
		if rapid.Bool().Draw(t, "by bytes") {
			size, bytes = 1000, size*300
		}
		p, until := pages{}, time.Time{}
		for {
			from := slices.DeleteFunc(slices.Clone(all), func(v history.Version) bool { return !until.IsZero() && v.Time.After(until) })
			told, more, err := pageOf(from, size, bytes)
			if err != nil || len(told) > size {
				t.Fatalf("%d, %v", len(told), err)
			}
			var heard []history.Version
			for _, v := range told {
				heard = append(heard, v.Version())
			}
			if err := p.add(history.Reply{Versions: told, More: more}, heard); err != nil {
				if p.count < maxPages {
					t.Fatal(err)
				}
				return
			}
			if until = p.until; !more {
				break
			}
		}
		if len(p.versions) != len(all) {
			t.Fatalf("%d of %d", len(p.versions), len(all))
		}
		for _, v := range all {
			if !slices.ContainsFunc(p.versions, func(got history.Version) bool { return got.File == v.File }) {
				t.Fatalf("%s is not among them", v.File)
			}
		}
	})
}

// Who says again and again that there is more is not listened to for ever.
func TestPagesEnd(t *testing.T) {
	t.Parallel()
	page := func(i int) history.Reply {
		at := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC).Add(-time.Duration(i) * time.Second)
		return history.Reply{Versions: []history.Told{{File: "shared/" + history.Name("a", at, "", false)}}, More: true}
	}
	var p pages
	if p.add(page(0), nil) != nil || p.add(page(0), nil) == nil {
		t.Error("the same again")
	}
	p = pages{}
	for i := range maxPages {
		if err := p.add(page(i), nil); (err != nil) != (i == maxPages-1) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if (&pages{}).add(history.Reply{More: true}, nil) == nil {
		t.Error("nothing, and more")
	}
}
