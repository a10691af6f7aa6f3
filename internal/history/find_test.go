package history

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func (p *place) find(q Query) []Version {
	p.t.Helper()
	q.Folder = "shared"
	found, err := p.store.Find(p.t.Context(), q)
	if err != nil {
		p.t.Fatal(err)
	}
	return found
}

func paths(versions []Version) []string {
	var out []string
	for _, v := range versions {
		out = append(out, v.Path)
	}
	return out
}

func (p *place) text(v Version) string {
	p.t.Helper()
	f, err := p.store.Open(v)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func TestFind(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	long := strings.Repeat("n", 255)
	odd := "a~20261122T150405.123456Z~MTJ5VA7~r" // as a version is called
	for _, name := range []string{"a", "dir/b", "a", "dir/" + long, "dirt", odd, "dir/sub/c"} {
		p.write(name, "of "+name)
		p.keep(p.item(name))
		p.remove(name)
	}
	other := p.item("dir/b")
	p.write("dir/b", "deleted by another")
	other.By, other.Deleted = "ABCDEFG", true
	p.keep(other)
	for _, test := range []struct {
		q    Query
		want []string
	}{
		{Query{}, []string{"a", "dir/b", "a", "dir/" + long, "dirt", odd, "dir/sub/c", "dir/b"}},
		{Query{Path: "a"}, []string{"a", "a"}},
		{Query{Path: "dir"}, []string{"dir/b", "dir/" + long, "dir/sub/c", "dir/b"}},
		{Query{Path: "dir/b"}, []string{"dir/b", "dir/b"}},
		{Query{Path: "dir/" + long}, []string{"dir/" + long}},
		{Query{Path: odd}, []string{odd}},
		{Query{Path: "nothing/there"}, nil},
		{Query{By: "ABCDEFG"}, []string{"dir/b"}},
		{Query{Since: other.At}, []string{"dir/b"}},
		{Query{Limit: 2}, []string{"dir/sub/c", "dir/b"}},
		{Query{Path: "."}, []string{"a", "dir/b", "a", "dir/" + long, "dirt", odd, "dir/sub/c", "dir/b"}},
	} {
		if got := paths(p.find(test.q)); !slices.Equal(got, test.want) {
			t.Errorf("%+v: %q", test.q, got)
		}
	}
	all := p.find(Query{})
	for _, v := range all[:len(all)-1] {
		if p.text(v) != "of "+v.Path || v.Size != int64(len("of "+v.Path)) || v.By != "MTJ5VA7" || v.Deleted || v.Mode != 0o640 {
			t.Errorf("%+v", v)
		}
	}
	if v := all[len(all)-1]; p.text(v) != "deleted by another" || !v.Deleted || !v.Time.Equal(other.At) {
		t.Errorf("%+v", v)
	}
	for _, bad := range []string{"..", "../shared", "/etc"} {
		if _, err := p.store.Find(t.Context(), Query{Folder: "shared", Path: bad}); err == nil {
			t.Errorf("%q is looked for", bad)
		}
	}
}

// Whoever names a version gets one, and nothing else of the disk.
func TestOnlyVersionsAreOpened(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("a", "x")
	it := p.item("a")
	p.keep(it)
	outside := filepath.Join(filepath.Dir(p.folder), Name("secret", it.At, "", false))
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(p.store.Dir(), Name("link", it.At, "", false))); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../" + filepath.Base(outside), outside, "shared", "", ".", "shared/a", Name("link", it.At, "", false)} {
		if f, err := p.store.Open(Version{File: file}); err == nil {
			f.Close()
			t.Errorf("%q was opened", file)
		}
		if err := p.store.Drop(Version{File: file}); err == nil && file != "shared/a" {
			t.Errorf("%q was removed", file)
		}
	}
}

// What a kill leaves of a copy counts for nothing, and goes after a while.
func TestHalfACopyIsNoVersion(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("a", "x")
	p.keep(p.item("a"))
	half := filepath.Join(p.store.Dir(), ".tmp-12345")
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := paths(p.find(Query{})); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%q", got)
	}
	limits := Limits{Age: 30 * 24 * time.Hour, Bytes: 1 << 30, Count: 100}
	for _, ago := range []time.Duration{time.Minute, 2 * time.Hour} {
		when := p.now.Add(-ago)
		if err := os.Chtimes(half, when, when); err != nil {
			t.Fatal(err)
		}
		usage, err := p.store.Sweep(t.Context(), limits, before(p.now), p.now)
		if err != nil || usage != (Usage{1, 1}) {
			t.Fatalf("%+v, %v", usage, err)
		}
		if _, err := os.Lstat(half); (err == nil) != (ago < leftover) {
			t.Errorf("after %s: %v", ago, err)
		}
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	long := strings.Repeat("n", 255)
	for _, name := range []string{"old/deep/er/a", long, "new"} {
		p.write(name, "12345")
		p.keep(p.item(name))
		p.remove(name)
		p.now = p.now.Add(24 * time.Hour)
	}
	limits := Limits{Age: 60 * time.Hour, Bytes: 1 << 30, Count: 100}
	if usage, err := p.store.Sweep(t.Context(), limits, before(p.now), p.now); err != nil || usage != (Usage{10, 2}) {
		t.Fatalf("%+v, %v", usage, err)
	}
	if got := paths(p.find(Query{})); !slices.Equal(got, []string{long, "new"}) {
		t.Errorf("%q", got)
	}
	if _, err := os.Stat(filepath.Join(p.store.Dir(), "shared", "old")); err == nil {
		t.Error("empty directories stay")
	}
	limits.Bytes = 9
	if usage, err := p.store.Sweep(t.Context(), limits, before(p.now), p.now); err != nil || usage != (Usage{5, 1}) {
		t.Fatalf("%+v, %v", usage, err)
	}
	limits.Age = 0
	old := time.Now().Add(48 * time.Hour) // the file of the path was made today
	if usage, err := p.store.Sweep(t.Context(), limits, before(old.Add(time.Hour)), old.Add(time.Hour)); err != nil || usage != (Usage{}) {
		t.Fatalf("%+v, %v", usage, err)
	}
	if left := slices.Collect(maps.Keys(p.files())); len(left) != 0 {
		t.Errorf("%q", left)
	}
}

// Whatever there is: nothing that stays is beyond the limits, what is young and
// alone stays as long as there is room, the first of a series and what was deleted
// are not thinned, and to thin again changes nothing.
func TestExcess(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	rapid.Check(t, func(t *rapid.T) {
		kept := rapid.Custom(func(t *rapid.T) Kept {
			age := rapid.SampledFrom([]time.Duration{time.Minute, 90 * time.Minute, 30 * time.Hour, 8 * 24 * time.Hour, 29 * 24 * time.Hour, 31 * 24 * time.Hour}).Draw(t, "age")
			return Kept{
				Path: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "path"),
				Time: now.Add(-age - time.Duration(rapid.IntRange(0, 7200).Draw(t, "more"))*time.Second),
				Size: rapid.Int64Range(0, 100).Draw(t, "size"), Deleted: rapid.IntRange(0, 4).Draw(t, "deleted") == 0,
			}
		})
		all := rapid.SliceOfN(kept, 0, 60).Draw(t, "all")
		for i := range all {
			all[i].File = string(rune('A' + i))
		}
		limits := Limits{Age: 30 * 24 * time.Hour, Bytes: rapid.Int64Range(0, 4000).Draw(t, "bytes"), Count: rapid.IntRange(0, 60).Draw(t, "count")}
		gone, stay := limits.Excess(slices.Clone(all), before(now))
		if len(gone)+len(stay) != len(all) || limits.over(stay) {
			t.Fatalf("of %d go %d and stay %d, %d bytes", len(all), len(gone), len(stay), sum(stay))
		}
		roomy := Limits{Age: limits.Age, Bytes: sum(all), Count: len(all)}
		goneEasy, stayEasy := roomy.Excess(slices.Clone(all), before(now))
		first := map[string]time.Time{}
		for _, k := range all {
			if at, ok := first[k.Path]; now.Sub(k.Time) <= limits.Age && !k.Deleted && (!ok || k.Time.Before(at)) {
				first[k.Path] = k.Time
			}
		}
		for _, k := range goneEasy {
			if now.Sub(k.Time) > limits.Age {
				continue
			}
			same := func(o Kept) bool { return o.Path == k.Path && o.Time.Equal(k.Time) && !o.Deleted }
			if k.Deleted || k.Time.Equal(first[k.Path]) && !slices.ContainsFunc(stayEasy, same) || now.Sub(k.Time) <= wholeAge {
				t.Fatalf("%+v goes, and there is room", k)
			}
		}
		if again, _ := roomy.Excess(slices.Clone(stayEasy), before(now)); len(again) > 0 {
			t.Fatalf("to thin again takes %+v", again)
		}
	})
}

func TestThinnedWithAge(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	var all []Kept
	for minute := range 60 * 24 * 9 { // one a minute for nine days
		all = append(all, Kept{Path: "log", Time: now.Add(-time.Duration(minute) * time.Minute), Size: 1, File: now.String()})
	}
	_, stay := Limits{Age: 30 * 24 * time.Hour, Bytes: 1 << 30, Count: 1 << 20}.Excess(all, before(now))
	byAge := [3]int{}
	for _, k := range stay {
		switch age := now.Sub(k.Time); {
		case age <= 24*time.Hour:
			byAge[0]++
		case age <= 7*24*time.Hour:
			byAge[1]++
		default:
			byAge[2]++
		}
	}
	if byAge[0] != 24*60+1 || byAge[1] < 6*24-2 || byAge[1] > 6*24 || byAge[2] < 2 || byAge[2] > 3 {
		t.Errorf("of the last day, week and before stay %v", byAge)
	}
}

// One file that is written over and over does not push out the others.
func TestAFloodOfOneFile(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	all := []Kept{{Path: "precious", Time: now.Add(-2 * time.Hour), Size: 100, File: "precious"}}
	for i := range 1000 {
		all = append(all, Kept{Path: "log", Time: now.Add(-time.Duration(i) * time.Second), Size: 100, File: "log"})
	}
	_, stay := Limits{Age: 30 * 24 * time.Hour, Bytes: 50_000, Count: 1 << 20}.Excess(all, before(now))
	if !slices.ContainsFunc(stay, func(k Kept) bool { return k.Path == "precious" }) {
		t.Error("it is gone")
	}
}
