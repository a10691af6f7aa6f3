package term

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/code"
)

var utf8Env = []string{"TERM=xterm-256color", "LANG=C.UTF-8"}

// pipes are a Terminal that is none: what programs and log files get.
func pipes(opts Options) (t *Terminal, out, err *bytes.Buffer) {
	out, err = new(bytes.Buffer), new(bytes.Buffer)
	return New(out, err, opts), out, err
}

// screen is a Terminal that draws as on one of 80 by 24.
func screen(env ...string) *Terminal {
	t := New(new(bytes.Buffer), new(bytes.Buffer), Options{Env: append(utf8Env, env...)})
	t.out.fancy, t.err.fancy = true, true
	return t
}

func TestWhoHearsWhat(t *testing.T) {
	t.Parallel()
	speak := func(t *Terminal) {
		t.Say("said %d", 1)
		t.Done("done")
		t.Warn("warned")
		t.Spin(tContext(), "spun").Stop()
		t.Error(api.Errorf(api.CodeTimeout, "Try <again>.", "too \x1b[31mlate"))
	}
	for _, tc := range []struct {
		name string
		opts Options
		want string
	}{
		{"a person", Options{Env: utf8Env}, "said 1\n✓ done\nwarning: warned\nbotsync: too �[31mlate\nhint: Try <again>.\n"},
		{"another locale", Options{Env: []string{"LANG=C"}}, "said 1\n* done\nwarning: warned\nbotsync: too �[31mlate\nhint: Try <again>.\n"},
		{"quiet", Options{Quiet: true}, "warning: warned\nbotsync: too �[31mlate\nhint: Try <again>.\n"},
		{"a program", Options{JSON: true}, `{"schema":1,"error":{"code":"timeout","message":"too \u001b[31mlate","hint":"Try <again>.","exit":6,"retryable":true}}` + "\n"},
	} {
		term, out, err := pipes(tc.opts)
		speak(term)
		if got := err.String(); got != tc.want {
			t.Errorf("%s: standard error is %q, want %q", tc.name, got, tc.want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: standard output is %q", tc.name, out)
		}
	}
}

func TestErrorListsTheWays(t *testing.T) {
	t.Parallel()
	term, _, err := pipes(Options{})
	e := api.Errorf(api.CodeUnreachable, "", "no way")
	e.Ways = []api.Way{{Name: "lan", OK: true}, {Name: "relay", Target: "https://r", Error: "refused"}}
	term.Error(e)
	if got, want := err.String(), "botsync: no way\n  same network: works\n  https://r: refused\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The code is the only thing on standard output.
func TestInviteOnPipes(t *testing.T) {
	t.Parallel()
	term, out, err := pipes(Options{Env: utf8Env})
	line := &api.InviteLine{Code: "a-b-c-d-e", Command: "botsync join a-b-c-d-e", ExpiresAt: time.Now()}
	if e := term.Invite(line); e != nil {
		t.Fatal(e)
	}
	if out.String() != "a-b-c-d-e\n" {
		t.Errorf("standard output is %q", out)
	}
	if got := err.String(); !strings.Contains(got, "    botsync join a-b-c-d-e\n") || strings.Contains(got, "╭") {
		t.Errorf("standard error is %q", got)
	}
}

// Whatever the code and the terminal, the frame fits and each word is in it.
func TestCodeFrameFits(t *testing.T) {
	t.Parallel()
	list := code.List()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom(list), code.Length, code.Length).Draw(t, "words")
		width := rapid.IntRange(20, 200).Draw(t, "width")
		height := rapid.IntRange(5, 60).Draw(t, "height")
		term := &Terminal{utf8: rapid.Bool().Draw(t, "utf8")}
		frame := term.codeFrame(strings.Join(words, "-"), width, height)
		if w := lipgloss.Width(frame); w > width {
			t.Fatalf("%d columns on a terminal of %d:\n%s", w, width, frame)
		}
		if h := lipgloss.Height(frame); h > height && h > 2*code.Length {
			t.Fatalf("%d lines on a terminal of %d:\n%s", h, height, frame)
		}
		plain := ansi.Strip(frame)
		for _, word := range words {
			if !strings.Contains(strings.ToLower(strings.ReplaceAll(plain, " ", "")), word) {
				t.Fatalf("%q is not in\n%s", word, plain)
			}
		}
		if !term.utf8 && strings.ContainsFunc(plain, func(r rune) bool { return r > unicode.MaxASCII }) {
			t.Fatalf("not ASCII:\n%s", plain)
		}
	})
	// Every word of the list, large, on the usual terminal.
	widest := 0
	for _, word := range list {
		widest = max(widest, lipgloss.Width(large(word)))
	}
	if widest+6 > 80 {
		t.Errorf("the widest word takes %d columns", widest)
	}
}

func TestEveryLetterCanBeDrawn(t *testing.T) {
	t.Parallel()
	seen := map[string]rune{}
	for r := 'A'; r <= 'Z'; r++ {
		letter, ok := letters[r]
		if !ok {
			t.Errorf("there is no %c", r)
			continue
		}
		for _, row := range letter {
			if len(row) != len(letter[0]) {
				t.Errorf("%c is ragged", r)
			}
		}
		shape := strings.Join(letter[:], "\n")
		if other, twice := seen[shape]; twice {
			t.Errorf("%c looks like %c", r, other)
		}
		seen[shape] = r
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"laptop": "laptop", "日本 語": "日本 語", "a\x1b[2Jb": "a�[2Jb", "a\nb": "a�b", "\u202eevil": "�evil", "a\u200bb": "a�b", "\xff": "�", "": "",
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		got := Clean(in)
		if !utf8.ValidString(got) || got != Clean(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) && r != unicode.ReplacementChar }) {
			t.Fatalf("%q became %q", in, got)
		}
		_ = Sentence(in)
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tc := range []struct{ got, want string }{
		{Left(10 * time.Minute), "10:00"}, {Left(59 * time.Second), "0:59"}, {Left(-time.Second), "0:00"},
		{Ago(now.Add(-time.Second), now), "just now"}, {Ago(now.Add(-3*time.Hour), now), "3 hours ago"},
		{Millis(1.234), "1.2 ms"}, {Millis(123.4), "123 ms"}, {Millis(1234), "1.23 s"},
		{Bytes(0), "0 B"}, {Bytes(-1), "0 B"}, {Bytes(1 << 20), "1.0 MiB"},
		{Count(1, "file", "files"), "1 file"}, {Count(1200, "file", "files"), "1,200 files"},
		{Device(api.Device{Name: "a\x1b", Role: api.RoleAgent}), "a� (agent)"}, {Device(api.Device{}), "a device without a name"},
		{Sentence("looking"), "Looking"}, {Sentence("über"), "Über"}, {Sentence(""), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}
