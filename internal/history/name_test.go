package history

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNamesComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.StringMatching(`[^/\x00]{1,80}`).Draw(t, "base")
		if rapid.Bool().Draw(t, "a version of a version") {
			base = Name(base, time.Unix(0, 0), "", true)
		}
		at := time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC()
		by := rapid.SampledFrom([]string{"", "MTJ5VA7", "ABCDEFG"}).Draw(t, "by")
		gone := rapid.Bool().Draw(t, "gone")
		name := Name(base, at, by, gone)
		gotBase, gotAt, gotBy, gotGone, ok := ParseName(name)
		if !ok || gotBase != base || !gotAt.Equal(at) || gotBy != by || gotGone != gone {
			t.Fatalf("%q: %q %v %q %v %v", name, gotBase, gotAt, gotBy, gotGone, ok)
		}
		if len(name) > len(base)+suffixMax {
			t.Fatalf("%q is longer than %d", name, len(base)+suffixMax)
		}
	})
}

func TestNamesSortByTime(t *testing.T) {
	t.Parallel()
	a, b := time.UnixMicro(1_700_000_000_000_000), time.UnixMicro(1_700_000_000_000_001)
	if Name("x", a, "MTJ5VA7", true) >= Name("x", b, "", false) {
		t.Error("they do not")
	}
}

func TestWhatIsNoVersion(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "report.md", "report.md~r", "~20261122T150405.123456Z~MTJ5VA7~r", "a~20261122T150405Z~MTJ5VA7~r",
		"a~20261322T150405.123456Z~MTJ5VA7~r", "a~20261122T150405.123456Z~mtj5va7~r", "a~20261122T150405.123456Z~~r",
		"a~20261122T150405.123456Z~MTJ5VA7~x", "a~20261122T150405,123456Z~MTJ5VA7~r", ".tmp-123",
	} {
		if base, _, _, _, ok := ParseName(name); ok {
			t.Errorf("%q is a version of %q", name, base)
		}
	}
}

// What is read is what would be written: no two names mean the same version.
func FuzzParseName(f *testing.F) {
	f.Add("report.md~20261122T150405.123456Z~MTJ5VA7~r")
	f.Add("a~20261122T150405.123456Z~-~d")
	f.Add(strings.Repeat("~", 300))
	f.Fuzz(func(t *testing.T, name string) {
		base, at, by, gone, ok := ParseName(name)
		if ok && Name(base, at, by, gone) != name {
			t.Errorf("%q is read as %q", name, Name(base, at, by, gone))
		}
	})
}
