package term

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"github.com/botsync/botsync/internal/api"
)

// Clean makes a foreign name or path harmless to show: what cannot be printed
// (control characters, escape sequences, newlines, bidi overrides, zero width
// characters) is replaced by a visible mark.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// CleanLines is [Clean] for text of several lines.
func CleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Clean(line)
	}
	return strings.Join(lines, "\n")
}

// CleanText is [CleanLines] that keeps tabs: for what is in files.
func CleanText(s string) string {
	parts := strings.Split(s, "\t")
	for i, p := range parts {
		parts[i] = CleanLines(p)
	}
	return strings.Join(parts, "\t")
}

// Sentence makes a foreign phrase the beginning of a line: clean, and with a
// capital.
func Sentence(s string) string {
	if s == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(s)
	return Clean(string(unicode.ToUpper(first)) + s[size:])
}

// Bytes writes a size for a person, such as "1.5 MiB".
func Bytes(n int64) string {
	if n < 0 {
		n = 0
	}
	return humanize.IBytes(uint64(n))
}

// Count writes a number and what it counts, such as "1 file" or "1,200 files".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

// Left writes the time until something ends, such as "9:41".
func Left(d time.Duration) string {
	s := max(0, int(d.Round(time.Second)/time.Second))
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Ago writes how long ago something was.
func Ago(then, now time.Time) string {
	if d := now.Sub(then); d < 5*time.Second {
		return "just now"
	}
	return humanize.RelTime(then, now, "ago", "from now")
}

// Clock writes a moment of today as a person reads it.
func Clock(t time.Time) string { return t.Local().Format("15:04") }

// Millis writes a duration measured in milliseconds.
func Millis(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.2f s", ms/1000)
}

// Device writes a device's name and role.
func Device(d api.Device) string {
	name := Clean(d.Name)
	if name == "" {
		name = "a device without a name"
	}
	if d.Role != api.RoleNone {
		return fmt.Sprintf("%s (%s)", name, Clean(string(d.Role)))
	}
	return name
}
