package code

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/agnivade/levenshtein"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseReads(t *testing.T) {
	t.Parallel()
	const want = "abacus-abdomen-ability-ablaze-zoom"
	for name, in := range map[string]string{
		"as shown":             want,
		"spaces":               "abacus abdomen ability ablaze zoom",
		"capitals":             "ABACUS Abdomen aBILITY ablaze-ZOOM",
		"mixed separators":     "abacus - abdomen_ability..ablaze,\tzoom",
		"lines":                "abacus\r\nabdomen\nability\nablaze\nzoom\n",
		"en and em dashes":     "abacus–abdomen—ability‒ablaze―zoom",
		"no-break hyphen":      "abacus‑abdomen‑ability‑ablaze‑zoom",
		"minus sign":           "abacus−abdomen−ability−ablaze−zoom",
		"no-break space":       "abacus\u00a0abdomen\u00a0ability\u00a0ablaze\u00a0zoom",
		"zero-width space":     "abacus-\u200babdomen-\u200bability-\u200bablaze-\u200bzoom",
		"soft hyphen":          "aba\u00adcus-abdomen-ability-ablaze-zoom",
		"byte order mark":      "\ufeffabacus-abdomen-ability-ablaze-zoom",
		"markdown":             "**`abacus-abdomen-ability-ablaze-zoom`**",
		"quoted":               "“abacus-abdomen-ability-ablaze-zoom”.",
		"separators all round": "--abacus-abdomen-ability-ablaze-zoom--",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := mustParse(t, in).String(); got != want {
				t.Errorf("Parse(%q) = %q, want %q", in, got, want)
			}
		})
	}
}

func TestParseRejects(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in string
		want     error
		message  string
	}{
		{"empty", "", &CountError{Got: 0}, "the code is empty: a code has five words"},
		{"only separators", " \n-–_,", &CountError{Got: 0}, "the code is empty: a code has five words"},
		{"one word", "abacus", &CountError{Got: 1}, "a code has five words, this is one"},
		{"four words", "abacus abdomen ability ablaze", &CountError{Got: 4}, "a code has five words, these are 4"},
		{"six words", "abacus abdomen ability ablaze zoom zoom", &CountError{Got: 6}, "a code has five words, these are 6"},
		{"a slip", "abacus abdomen abilty ablaze zoom",
			&WordError{Word: "abilty", Position: 3, Nearest: []string{"ability", "agility", "abide"}},
			`word 3 of the code, "abilty", is not on the list; did you mean ability, agility or abide?`},
		{"capitals in a slip", "ABACU abdomen ability ablaze zoom",
			&WordError{Word: "abacu", Position: 1, Nearest: []string{"abacus"}},
			`word 1 of the code, "abacu", is not on the list; did you mean abacus?`},
		{"nothing near", "abacus abdomen ability ablaze xqzzk",
			&WordError{Word: "xqzzk", Position: 5},
			`word 5 of the code, "xqzzk", is not on the list`},
		{"several slips", "abacu abdomen ability ablaze xqzzk",
			WordErrors{{Word: "abacu", Position: 1, Nearest: []string{"abacus"}}, {Word: "xqzzk", Position: 5}},
			"word 1 of the code, \"abacu\", is not on the list; did you mean abacus?\n" +
				`word 5 of the code, "xqzzk", is not on the list`},
		{"control characters", "a\x00\x1b\x07z abdomen ability ablaze zoom",
			&WordError{Word: "a???z", Position: 1}, `word 1 of the code, "a???z", is not on the list`},
		{"not UTF-8", "abdomen ability \xff\xfe ablaze zoom",
			&WordError{Word: "??", Position: 3}, `word 3 of the code, "??", is not on the list`},
		{"a long word", strings.Repeat("x", 500) + " abdomen ability ablaze zoom",
			&WordError{Word: strings.Repeat("x", 24) + "…", Position: 1},
			`word 1 of the code, "xxxxxxxxxxxxxxxxxxxxxxxx…", is not on the list`},
		{"too long", strings.Repeat("x", MaxInput+1), ErrTooLong,
			"this is too long to be a code: a code has five words"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := Parse(tc.in)
			if !c.IsZero() {
				t.Errorf("Parse(%q) returned a code", tc.in)
			}
			if errors.Is(tc.want, ErrTooLong) {
				if !errors.Is(err, ErrTooLong) {
					t.Errorf("error is %v, want ErrTooLong", err)
				}
			} else if diff := cmp.Diff(tc.want, err); diff != "" {
				t.Errorf("error differs (-want +got):\n%s", diff)
			}
			if err.Error() != tc.message {
				t.Errorf("message is %q, want %q", err, tc.message)
			}
		})
	}
}

func TestSeveralWrongWordsAreFoundByType(t *testing.T) {
	t.Parallel()
	_, err := Parse("abacu abdomen ability ablaze xqzzk")
	if first, ok := errors.AsType[*WordError](err); !ok || first.Position != 1 {
		t.Errorf("errors.AsType found %v, want the first word", first)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		word string
		want []string
	}{
		{"labtop", []string{"laptop", "atop", "flattop"}},
		{"zom", []string{"zoom", "mom"}},
		{"abdomenn", []string{"abdomen", "abdominal"}},
		{"", nil},
		{"?", nil},
		{"ß", nil},
	} {
		if diff := cmp.Diff(tc.want, nearest(tc.word)); diff != "" {
			t.Errorf("nearest(%q) differs (-want +got):\n%s", tc.word, diff)
		}
	}
}

// A word with a letter doubled, the commonest slip, is answered with that word first.
func TestNearestFindsTheWordMeant(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom(words().all).Draw(t, "word")
		doubled := func(at int) string { return word[:at] + word[at-1:] }
		at := rapid.IntRange(1, len(word)-1).Filter(func(at int) bool {
			return !words().set[doubled(at)] // another word is no slip
		}).Draw(t, "at")
		slip := doubled(at)
		near := nearest(slip)
		if !slices.Contains(near, word) {
			t.Fatalf("nearest(%q) is %q without %q", slip, near, word)
		}
		for _, w := range near {
			if levenshtein.ComputeDistance(slip, w) > maxDistance {
				t.Fatalf("%q is suggested for %q", w, slip)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "abacus-abdomen-ability-ablaze-zoom", "ABACUS abdomen—ability\u200b ablaze\nzoom", "abacus abdomen",
		"a\x00b c d e f", "\xff\xfe a b c d", "\x1b[31m a b c d", "\u202ea b c d e", "K\u212a İ ß ﬁ z",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c, err := Parse(in)
		if err == nil {
			if again := mustParse(t, c.String()); !again.Equal(c) {
				t.Fatalf("%q reads back as %q", c.String(), again.String())
			}
			for _, w := range c.Words() {
				if !words().set[w] {
					t.Fatalf("word %q is not on the list", w)
				}
			}
			return
		}
		if !c.IsZero() {
			t.Fatal("a code came with an error")
		}
		message := err.Error()
		for _, r := range message {
			if r != '\n' && (!unicode.IsPrint(r) || r == unicode.ReplacementChar) {
				t.Fatalf("message %q holds %U", message, r)
			}
		}
		if len(message) > Length*256 {
			t.Fatalf("message of %d bytes", len(message))
		}
	})
}
