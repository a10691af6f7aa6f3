package engine

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// By prefixes all that is above a key is found, once and in its order, and nothing
// below it is read again but what shares its beginning.
func TestPrefixesAboveAKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOfN(rapid.SampledFrom([]rune("ab/\x01ü日\U0010ffff")), 0, 5, -1)
		all := rapid.SliceOfDistinct(name, rapid.ID[string]).Draw(t, "keys")
		for i := range all {
			all[i] = "p/" + all[i]
		}
		slices.Sort(all)
		after := rapid.SampledFrom(append([]string{"", "p/"}, all...)).Draw(t, "after")
		var got, want []string
		for _, key := range all {
			if key > after {
				want = append(want, key)
			}
		}
		first := true
		for part := range prefixesAbove("p/", after) {
			for _, key := range all {
				switch {
				case !strings.HasPrefix(key, part):
				case key > after:
					got = append(got, key)
				case !first || after != "" && key != after:
					t.Fatalf("%q is read again after %q", key, after)
				}
			}
			first = false
		}
		if !slices.Equal(got, want) {
			t.Fatalf("above %q: %q, want %q", after, got, want)
		}
	})
}
