package term

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	xterm "github.com/charmbracelet/x/term"

	"github.com/botsync/botsync/internal/api"
)

// Options of a command that decide how it speaks.
type Options struct {
	JSON  bool
	Quiet bool
	Env   []string // of the process, as os.Environ returns it
}

// Terminal is where a command writes. Its methods are called from one goroutine
// at a time; a running [Spinner] draws beside them and is stopped before other
// lines are written.
type Terminal struct {
	out, err *stream
	opts     Options
	utf8     bool
}

// New describes the terminal, or what stands in its place, behind out and err.
func New(out, err io.Writer, opts Options) *Terminal {
	return &Terminal{out: newStream(out, opts.Env), err: newStream(err, opts.Env), opts: opts, utf8: isUTF8(opts.Env)}
}

// stream is one of standard output and standard error. Whatever is styled for
// it loses what it cannot show on the way.
type stream struct {
	io.Writer
	raw   io.Writer  // for what must arrive byte by byte
	file  xterm.File // nil if it is not a terminal
	fancy bool
}

func newStream(w io.Writer, env []string) *stream {
	s := &stream{raw: w}
	if f, ok := w.(xterm.File); ok && xterm.IsTerminal(f.Fd()) {
		s.file = f
	}
	// The profile is what the environment says: Detect would run programs.
	profile := colorprofile.Env(env)
	dumb := lookup(env, "TERM") == "dumb" || lookup(env, "TERM") == "" && runtime.GOOS != "windows"
	s.fancy = s.file != nil && lookup(env, "NO_COLOR") == "" && !dumb
	if !s.fancy {
		profile = colorprofile.NoTTY
	}
	s.Writer = &colorprofile.Writer{Forward: w, Profile: profile}
	return s
}

// size is that of the terminal, or 80 by 24 where there is none.
func (s *stream) size() (width, height int) {
	if s.file != nil {
		if w, h, err := xterm.GetSize(s.file.Fd()); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// room is how wide a line may be. What a program reads is not cut.
func (s *stream) room() int {
	if s.file == nil && !s.fancy {
		return math.MaxInt
	}
	width, _ := s.size()
	return width
}

func lookup(env []string, key string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(env[i], "="); ok && k == key {
			return v
		}
	}
	return ""
}

// isUTF8 follows the order in which the C library looks for the locale.
func isUTF8(env []string) bool {
	for _, key := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := lookup(env, key); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	// Without a locale: the POSIX one is ASCII, but Windows and macOS draw all.
	return runtime.GOOS == "windows" || runtime.GOOS == "darwin"
}

// IsTerminal reports whether f is one, for a command that may ask a question.
func IsTerminal(f *os.File) bool { return xterm.IsTerminal(f.Fd()) }

// JSONMode reports whether programs are reading.
func (t *Terminal) JSONMode() bool { return t.opts.JSON }

// Live reports whether lines on standard error can be redrawn.
func (t *Terminal) Live() bool { return t.err.fancy && !t.opts.JSON && !t.opts.Quiet }

// LiveOutput reports whether the screen of standard output can be redrawn.
func (t *Terminal) LiveOutput() bool { return t.out.fancy && !t.opts.JSON }

// OneScreen reports whether a person sees both outputs in one place, so that
// what is on standard error need not be repeated on standard output.
func (t *Terminal) OneScreen() bool { return t.out.file != nil && t.Live() }

// Data writes a line of what was asked for.
func (t *Terminal) Data(line string) error {
	_, err := fmt.Fprintln(t.out.raw, line)
	return err
}

// JSON writes v as one line, with < and > as they are. What cannot be printed is
// escaped: no name, and no line of a file, reaches a terminal as it is.
func (t *Terminal) JSON(v any) error { return encode(t.out.raw, v) }

func encode(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escape(b.Bytes()))
	return err
}

// escape writes what cannot be printed in a line of JSON as \u does (RFC 8259, section
// 7). All of it is within strings.
func escape(line []byte) []byte {
	bad := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }
	if bytes.IndexFunc(line, bad) < 0 {
		return line
	}
	out := make([]byte, 0, len(line)+64)
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		switch {
		case !bad(r):
			out = append(out, line[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		line = line[size:]
	}
	return out
}

// Say tells a person something. Programs and --quiet are spared it.
func (t *Terminal) Say(format string, args ...any) {
	if !t.opts.JSON && !t.opts.Quiet {
		fmt.Fprintf(t.err, format+"\n", args...)
	}
}

// Done reports a step that was completed.
func (t *Terminal) Done(format string, args ...any) {
	t.Say("%s %s", styleGood.Render(t.glyph("✓", "*")), fmt.Sprintf(format, args...))
}

// Warn tells a person of something that needs attention.
func (t *Terminal) Warn(format string, args ...any) {
	if !t.opts.JSON {
		fmt.Fprintf(t.err, styleWarn.Render("warning:")+" "+format+"\n", args...)
	}
}

// Error reports what ended the command, and what to do about it.
func (t *Terminal) Error(e *api.Error) {
	if t.opts.JSON {
		_ = encode(t.err.raw, api.ErrorReply{Schema: api.Schema, Error: e})
		return
	}
	t.errorWithHint(CleanLines(e.Message), CleanLines(e.Hint))
	for _, way := range e.Ways {
		fmt.Fprintf(t.err, "  %s\n", t.way(way))
	}
	t.errorDetails(e)
}

func (t *Terminal) errorWithHint(message, hint string) {
	fmt.Fprintf(t.err, "%s %s\n", styleBad.Render("botsync:"), message)
	if hint != "" {
		fmt.Fprintf(t.err, "%s %s\n", styleFaint.Render("hint:"), hint)
	}
}

// glyph chooses what the locale can show.
func (t *Terminal) glyph(utf8, ascii string) string {
	if t.utf8 {
		return utf8
	}
	return ascii
}

// Step reports a step that was measured, the time aligned to the right.
func (t *Terminal) Step(what string, ms float64) {
	const column = 74
	took := Millis(ms)
	room := max(2, column-ansi.StringWidth(what)-len(took))
	t.Done("%s%s%s", what, strings.Repeat(" ", room), styleStrong.Render(took))
}
