package merge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func input(s string) Input { return Input{strings.NewReader(s), int64(len(s))} }

func merged(a, b, base string) (string, error) {
	var out bytes.Buffer
	err := Lines(context.Background(), &out, input(a), input(b), int64(len(base)))
	return out.String(), err
}

func TestLines(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct{ base, a, b, want string }{
		"each its own":                {"0\n", "0\n1\n3\n", "0\n2\n", "0\n1\n3\n2\n"},
		"the smaller first":           {"0\n", "0\n9\n", "0\n10\n", "0\n10\n9\n"},
		"both the same":               {"0\n", "0\n1\n", "0\n1\n", "0\n1\n"},
		"one has more":                {"0\n", "0\n1\n2\n", "0\n1\n", "0\n1\n2\n"},
		"one added nothing":           {"0\n", "0\n", "0\n1\n", "0\n1\n"},
		"nothing":                     {"0\n", "0\n", "0\n", "0\n"},
		"nothing before":              {"", "1\n", "2\n", "1\n2\n"},
		"some are the same":           {"", "a\nc\nx\n", "b\nc\ny\n", "a\nb\nc\nx\ny\n"},
		"twice stays twice":           {"", "1\n1\n", "1\n2\n", "1\n1\n2\n"},
		"twice and once":              {"", "1\n2\n1\n3\n", "1\n4\n", "1\n2\n1\n3\n4\n"},
		"what was there is no match":  {"1\n", "1\n1\n", "1\n2\n", "1\n1\n2\n"},
		"order that contradicts":      {"", "1\n2\n3\n", "2\n1\n4\n", "1\n2\n3\n4\n"},
		"no end":                      {"0\n", "0\n1", "0\n2", "0\n1\n2"},
		"no end, the same line":       {"0\n", "0\n1", "0\n1\n2\n", "0\n1\n2\n"},
		"no end on one side":          {"0\n", "0\n1", "0\n1\n", "0\n1\n"},
		"base without end":            {"0", "0\n1\n", "0\n2\n", "0\n1\n2\n"},
		"base without end, untouched": {"0", "0", "0\n2", "0\n2"},
		"base without end, ended":     {"0", "0", "0\n", "0\n"},
		"neither ended":               {"0", "0", "0", "0"},
		"empty lines":                 {"0\n", "0\n\n\n", "0\n\n1\n", "0\n\n\n1\n"},
		"carriage returns":            {"0\r\n", "0\r\n1\r\n", "0\r\n1\n", "0\r\n1\n1\r\n"},
		"long":                        {"0\n", "0\n" + strings.Repeat("x", 3*bufSize) + "\n", "0\na\n", "0\na\n" + strings.Repeat("x", 3*bufSize) + "\n"},
	} {
		for i, sides := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			if got, err := merged(sides[0], sides[1], test.base); err != nil || got != test.want {
				t.Errorf("%s, %d: %.80q, %v; want %.80q", what, i, got, err, test.want)
			}
		}
	}
}

func TestWhatIsNotMerged(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct{ base, a, b string }{
		"a line was changed":  {"0\n1\n", "0\n2\n3\n", "0\n1\n4\n"},
		"lines were taken":    {"0\n1\n", "0\n", "0\n1\n2\n"},
		"a line was gone on":  {"0", "01\n", "0\n2\n"},
		"it was written anew": {"0\n1\n", "", "0\n1\n2\n"},
	} {
		for _, sides := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			if got, err := merged(sides[0], sides[1], test.base); !errors.Is(err, ErrNotAdded) {
				t.Errorf("%s: %q, %v", what, got, err)
			}
		}
	}
	many := strings.Repeat("\n", MaxLines+1)
	if _, err := merged(many, "1\n", ""); !errors.Is(err, ErrTooMany) {
		t.Errorf("too many lines: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Lines(ctx, io.Discard, input("0\n1\n"), input("0\n2\n"), 2); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// counted says how often each line is in a text, however it ends.
func counted(text string) map[string]int {
	out := map[string]int{}
	for l := range strings.Lines(text) {
		out[strings.TrimSuffix(l, "\n")]++
	}
	return out
}

func checkMerge(t interface{ Fatalf(string, ...any) }, base, a, b string) {
	got, err := merged(a, b, base)
	other, err2 := merged(b, a, base)
	if err != nil || err2 != nil || got != other {
		t.Fatalf("base %q, %q and %q: %q, %v; the other way %q, %v", base, a, b, got, err, other, err2)
	}
	if !strings.HasPrefix(got, base) {
		t.Fatalf("%q does not begin with %q", got, base)
	}
	rest := func(s string) map[string]int {
		s = s[len(base):]
		if base != "" && !strings.HasSuffix(base, "\n") {
			s = strings.TrimPrefix(s, "\n")
		}
		return counted(s)
	}
	x, y, sum := rest(a), rest(b), rest(got)
	for l, n := range sum {
		if want := max(x[l], y[l]); n != want {
			t.Fatalf("base %q, %q and %q: line %q is %d times in %q, not %d", base, a, b, l, n, got, want)
		}
	}
	for _, side := range []map[string]int{x, y} {
		for l := range side {
			if sum[l] == 0 {
				t.Fatalf("base %q, %q and %q: line %q is lost: %q", base, a, b, l, got)
			}
		}
	}
	// Merged again with one of the two, or with itself, it stays.
	for _, side := range []string{a, b, got} {
		if again, err := merged(got, side, base); err != nil || again != got {
			t.Fatalf("base %q, %q and %q: %q becomes %q, %v", base, a, b, got, again, err)
		}
	}
}

// Every added line is there as often as it must be, whoever merges, and however often.
func TestMergeLosesAndInventsNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string, end bool) string {
			lines := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", "c", "\r", "dd"}), 0, 8).Draw(t, label)
			s := strings.Join(lines, "\n")
			if end && len(lines) > 0 {
				s += "\n"
			}
			return s
		}
		base := text("base", true)
		if base != "" && rapid.Bool().Draw(t, "cut") {
			base = strings.TrimSuffix(base, "\n")
		}
		side := func(label string) string {
			more := text(label, rapid.Bool().Draw(t, "end "+label))
			if more != "" && base != "" && !strings.HasSuffix(base, "\n") {
				more = "\n" + more
			}
			return base + more
		}
		checkMerge(t, base, side("a"), side("b"))
	})
}

// Where the sides do not contradict each other, each finds its lines in its order.
func TestMergeKeepsOrders(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var all []string
		for i := range rapid.IntRange(0, 12).Draw(t, "lines") {
			all = append(all, fmt.Sprint(i))
		}
		pick := func(label string) (out []string) {
			for _, l := range all {
				if rapid.Bool().Draw(t, label+l) {
					out = append(out, l)
				}
			}
			return out
		}
		a, b := pick("a"), pick("b")
		got, err := merged(joined(a), joined(b), "")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Fields(got)
		for _, side := range [][]string{a, b} {
			kept := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !slices.Contains(side, l) })
			if !slices.Equal(kept, side) {
				t.Fatalf("%v and %v: %v", a, b, lines)
			}
		}
	})
}

func joined(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	return b.String()
}

func FuzzLines(f *testing.F) {
	f.Add("0\n", "1\n2\n", "2\n3")
	f.Add("0", "\n1\r\n", "\n\x00")
	f.Fuzz(func(t *testing.T, base, a, b string) {
		got, err := merged(base+a, base+b, base)
		if errors.Is(err, ErrNotAdded) {
			return
		}
		if err != nil || len(got) > len(base)+len(a)+len(b)+2 {
			t.Fatalf("%q, %v", got, err)
		}
		checkMerge(t, base, base+a, base+b)
	})
}

// zeros is a large file, without a place for it.
type zeros struct{}

func (zeros) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = 'x'
		if (off+int64(i))%128 == 127 {
			p[i] = '\n'
		}
	}
	return len(p), nil
}

// What both had is not held in memory.
func TestLargeFilesAreStreamed(t *testing.T) {
	const size = 64 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := Lines(t.Context(), io.Discard, Input{zeros{}, size + 128}, Input{zeros{}, size + 256}, size); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
}
