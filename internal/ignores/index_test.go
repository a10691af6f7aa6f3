package ignores

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// byParts is Set.Match by holding the path against every part of every rule.
func (s *Set) byParts(name string) Verdict {
	name = norm.NFC.String(name)
	whole := true
	for _, r := range s.rules {
		if v := r.match(name, strings.ToLower(name), whole); v != nil {
			return *v
		}
		for _, p := range r.parts {
			whole = whole && p.skips
		}
	}
	return Verdict{}
}

// The index says what the parts say.
func TestIndexSaysTheSame(t *testing.T) {
	t.Parallel()
	var words []string
	for _, list := range defaultPatterns {
		for w := range strings.FieldsSeq(list.patterns) {
			words = append(words, strings.Split(w, "/")...)
		}
	}
	words = append(words, "a", "b", "A", "é", "É", "x.log", ".env.local", ".env.example", "~", "x~", "#", ".#", "\xff", "a b", "K", "ſ", "İ")
	component := rapid.OneOf(rapid.SampledFrom(words), rapid.StringMatching(`[a-cA-C.~#_$*-]{1,4}`),
		rapid.Map(rapid.SampledFrom(words), func(w string) string { return strings.NewReplacer("*", "x", "?", "y").Replace(w) }),
		rapid.Map(rapid.SampledFrom(words), strings.ToUpper))
	paths := rapid.Map(rapid.SliceOfN(component, 1, 5), func(p []string) string { return strings.Join(p, "/") }).Filter(func(p string) bool { return p != "." })
	line := rapid.Custom(func(t *rapid.T) string {
		body := rapid.OneOf(component, paths, rapid.StringMatching(`[ab.*?/]{1,6}`), rapid.SampledFrom([]string{"{a,b*}", "a**b", "[ab]", "\\a", "!", "a/", "*", "?"})).Draw(t, "body")
		return rapid.SampledFrom([]string{"", "", "", "!", "/", "!/", "(?i)", "!(?i)", "(?d)", "(?d)(?i)", "(?i)(?d)"}).Draw(t, "prefix") + body
	})
	rapid.Check(t, func(t *rapid.T) {
		own, _ := ParseLocal([]byte(strings.Join(rapid.SliceOfN(line, 0, 4).Draw(t, "own"), "\n")), func(string) ([]byte, error) { return nil, nil })
		all, _ := ParseShared([]byte(strings.Join(rapid.SliceOfN(line, 0, 4).Draw(t, "shared"), "\n")))
		s := New(own, all)
		for range 20 {
			name := paths.Draw(t, "name")
			if got, want := s.Match(name), s.byParts(name); got != want {
				t.Fatalf("%q: %+v, not %+v, of\n%s", name, got, want, s.Text())
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	s := New(nil, nil)
	for how, match := range map[string]func(string) Verdict{"index": s.Match, "parts": s.byParts} {
		b.Run(how, func(b *testing.B) {
			for b.Loop() {
				match("project/sources/file0123.go")
			}
		})
	}
}
