package ignores

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of the shared file. They keep a look at 100,000 files from taking more
// than a minute with the worst that fits, and are far from what anybody writes.
const (
	MaxBytes    = 64 << 10
	MaxPatterns = 500
	MaxLine     = 256 // bytes

	maxAnyPath = 3 // ** in one line
	maxAny     = 8 // * and ?
	// ? and [ ] take the matcher a hundred times as long as letters.
	maxSlow = 50
)

// LineError is a file of patterns that cannot be used, and which line is why.
type LineError struct {
	File   string // within the folder
	Line   int    // from 1; 0 for the whole file
	Reason string
}

func (e *LineError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s, line %d: %s", e.File, e.Line, e.Reason)
}

// ParseShared reads the shared file. With an error, which is a [*LineError], it
// returns the rules of the lines that can be used.
func ParseShared(data []byte) ([]*Rule, error) {
	fail := func(line int, format string, args ...any) error {
		return &LineError{SharedName, line, fmt.Sprintf(format, args...)}
	}
	if len(data) > MaxBytes {
		return nil, fail(0, "it is larger than %d KiB", MaxBytes>>10)
	}
	var out []*Rule
	var first error
	n, patterns, slow := 0, 0, 0
	for raw := range bytes.SplitSeq(data, []byte("\n")) {
		n++
		line, why := cleanLine(raw)
		if line == "" && why == "" {
			continue
		}
		if why == "" {
			why = excess(line)
		}
		r := &Rule{Pattern: line, Class: Own, File: SharedName, Line: n}
		if why == "" {
			// Case does not count, on any device: it does not on some.
			if err := r.add(folded(line)); err != nil {
				why = strings.ReplaceAll(err.Error(), folded(line), line)
			}
		}
		if why != "" {
			if first == nil {
				first = fail(n, "%s", why)
			}
			continue
		}
		if patterns += len(r.lines); patterns > MaxPatterns {
			return out, fail(n, "there are more than %d patterns", MaxPatterns)
		}
		if strings.ContainsAny(strings.TrimPrefix(line, "(?i)"), "?[") {
			slow += len(r.lines)
		}
		if slow > maxSlow {
			return out, fail(n, "there are more than %d patterns with ? or [ ]", maxSlow)
		}
		out = append(out, r)
	}
	return out, first
}

// cleanLine returns the pattern in a line, nothing if there is none, or why it
// cannot be one.
func cleanLine(raw []byte) (line, why string) {
	switch {
	case len(raw) > MaxLine:
		return "", fmt.Sprintf("it is longer than %d bytes", MaxLine)
	case !utf8.Valid(raw):
		return "", "it is not UTF-8"
	}
	line = strings.TrimSpace(strings.TrimPrefix(string(raw), "\ufeff"))
	switch {
	case line == "", line == "#", strings.HasPrefix(line, "# "), strings.HasPrefix(line, "//"):
		return "", ""
	case strings.ContainsFunc(line, isControl):
		return "", "it has control characters"
	case strings.HasPrefix(line, "#include"):
		return "", "#include is for .stignore; a file that syncs names no others"
	case strings.HasPrefix(line, "#escape"):
		return "", `#escape is for .stignore; here \ escapes`
	case strings.HasPrefix(strings.TrimLeft(line, "!"), "(?d)"), strings.HasPrefix(strings.TrimLeft(line, "!"), "(?i)(?d)"),
		strings.HasPrefix(line, "(?i)!(?d)"):
		// No peer may say that files are deleted of which nobody has another copy.
		return "", "(?d) is for .stignore; what this file keeps out is never deleted"
	}
	return line, ""
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

// excess says what a line asks of the matcher that is too much: some patterns take
// time that grows with a power of the name's length.
func excess(line string) string {
	deep := strings.Count(line, "**")
	switch {
	case deep > maxAnyPath:
		return fmt.Sprintf("it has more than %d of **", maxAnyPath)
	case strings.Count(line, "*")-2*deep+strings.Count(line, "?") > maxAny+1: // the one of (?i)
		return fmt.Sprintf("it has more than %d of * and ?", maxAny)
	}
	return ""
}

// folded is a line for which case does not count.
func folded(line string) string {
	if strings.HasPrefix(strings.TrimPrefix(line, "!"), "(?i)") {
		return line
	}
	return "(?i)" + line
}
