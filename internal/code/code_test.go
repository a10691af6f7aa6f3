package code

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func mustParse(t testing.TB, s string) Code {
	t.Helper()
	c, err := Parse(s)
	if err != nil {
		t.Fatalf("Parse(%q): %v", s, err)
	}
	return c
}

func TestNewDrawsFiveWordsOfTheList(t *testing.T) {
	t.Parallel()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if got := len(c.Words()); got != Length {
		t.Fatalf("%d words, want %d", got, Length)
	}
	for _, w := range c.Words() {
		if !words().set[w] {
			t.Errorf("word %q is not on the list", w)
		}
	}
	if c.String() != strings.Join(c.Words(), "-") || c.IsZero() {
		t.Errorf("String is %q for words %q", c.String(), c.Words())
	}
}

// The chi-square statistic of uniform draws has mean 7771 and standard
// deviation √(2·7771); a modulo of 13 bits, the usual mistake, would double it.
// The seed is fixed: this either always passes or never does.
func TestDrawIsUniform(t *testing.T) {
	t.Parallel()
	const codes = 50_000
	source := mathrand.NewChaCha8([32]byte{1})
	counts := make(map[string]int)
	for range codes {
		c, err := draw(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range c.Words() {
			counts[w]++
		}
	}
	size := float64(len(words().all))
	expected := codes * Length / size
	chi := 0.0
	for _, w := range words().all {
		d := float64(counts[w]) - expected
		chi += d * d / expected
	}
	mean, deviation := size-1, math.Sqrt(2*(size-1))
	if math.Abs(chi-mean) > 4*deviation {
		t.Errorf("chi-square is %.0f, want %.0f ± %.0f", chi, mean, 4*deviation)
	}
}

func TestDrawReportsAFailingSource(t *testing.T) {
	t.Parallel()
	c, err := draw(iotest.ErrReader(io.ErrUnexpectedEOF))
	if !errors.Is(err, io.ErrUnexpectedEOF) || !c.IsZero() {
		t.Errorf("got %q and %v, want the zero Code and the source's error", c.String(), err)
	}
}

func TestZeroCode(t *testing.T) {
	t.Parallel()
	var zero Code
	if !zero.IsZero() || zero.String() != "" || zero.Words() != nil || !zero.Equal(Code{}) {
		t.Error("the zero Code is not empty and equal to itself")
	}
	c := mustParse(t, "abacus abdomen ability ablaze zoom")
	if c.Equal(zero) || zero.Equal(c) {
		t.Error("the zero Code equals a code")
	}
}

func TestEqualComparesWords(t *testing.T) {
	t.Parallel()
	a := mustParse(t, "abacus abdomen ability ablaze zoom")
	if !a.Equal(mustParse(t, "ABACUS-abdomen-ability-ablaze-zoom")) {
		t.Error("the same words are not equal")
	}
	if a.Equal(mustParse(t, "abdomen abacus ability ablaze zoom")) {
		t.Error("words in another order are equal")
	}
}

func TestWordsAreACopy(t *testing.T) {
	t.Parallel()
	c := mustParse(t, "abacus abdomen ability ablaze zoom")
	c.Words()[0] = "changed"
	List()[0] = "changed"
	if c.Words()[0] != "abacus" || List()[0] != "abacus" {
		t.Error("a caller can change a code or the list")
	}
}

// However a code gets into a message or a log, it does not show.
func TestCodeDoesNotLeak(t *testing.T) {
	t.Parallel()
	type holder struct {
		Shown  Code
		hidden Code
	}
	c := mustParse(t, "abacus abdomen ability ablaze zoom")
	h := holder{Shown: c, hidden: c}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		args := []any{c, h, &h, []Code{c}, map[string]Code{"k": c}}
		for _, arg := range args {
			fmt.Fprintf(&out, verb+"\n", arg)
		}
	}
	fmt.Fprintln(&out, c, h)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "c", c, "h", h, "p", &h)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "c", c, "h", h, "p", &h)
	if err := json.NewEncoder(&out).Encode(h); err != nil {
		t.Fatal(err)
	}
	for _, w := range c.Words() {
		for _, form := range []string{w, fmt.Sprintf("%x", w), fmt.Sprintf("%d", []byte(w))} {
			if strings.Contains(out.String(), form) {
				t.Errorf("%q shows:\n%s", form, out.String())
			}
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Errorf("nothing stands in the code's place:\n%s", out.String())
	}
}

// Whatever a person or a chat does to a code on its way, it is read as it was.
func TestCodeSurvivesItsWay(t *testing.T) {
	t.Parallel()
	separator := rapid.StringOfN(rapid.SampledFrom([]rune(
		" \t\r\n\v\f\u00a0\u2003\u3000-_.,:;/|*~`'\"\u2018\u2019\u201c\u201d\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d()[]{}<>·•")), 1, 8, -1)
	around := rapid.StringOfN(rapid.SampledFrom([]rune(" \n\"`*<>().\ufeff\u200b\u200e")), 0, 8, -1)
	invisible := rapid.SampledFrom([]string{"", "", "", "\u200b", "\u00ad", "\u2060", "\u202e", "\ufeff"})
	rapid.Check(t, func(t *rapid.T) {
		source := mathrand.NewChaCha8([32]byte{rapid.Byte().Draw(t, "seed"), rapid.Byte().Draw(t, "seed2")})
		want, err := draw(source)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		b.WriteString(around.Draw(t, "before"))
		for i, w := range want.Words() {
			if i > 0 {
				b.WriteString(separator.Draw(t, "separator"))
			}
			for _, r := range w {
				if rapid.Bool().Draw(t, "upper") {
					r += 'A' - 'a'
				}
				b.WriteRune(r)
				b.WriteString(invisible.Draw(t, "invisible"))
			}
		}
		b.WriteString(around.Draw(t, "after"))
		got, err := Parse(b.String())
		if err != nil {
			t.Fatalf("Parse(%q): %v", b.String(), err)
		}
		if !got.Equal(want) {
			t.Fatalf("Parse(%q) = %q, want %q", b.String(), got.String(), want.String())
		}
	})
}
