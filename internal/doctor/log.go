package doctor

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// logLine is a line as log/slog writes it as text.
var logField = regexp.MustCompile(`([A-Za-z_.]+)=("(?:[^"\\]|\\.)*"|[^ "]*)`)

// LogBytes is how much of the end of the log is looked at for a report.
const LogBytes = 512 << 10

// logLines is how many lines of the log a report has at most.
const logLines = 60

// foldedLog is what a report has of the log: the latest lines, each once. One that was
// said again and again would leave no room for what else happened. It is where it was
// said last, with how often and since when.
func foldedLog(lines []string) []string {
	type folded struct {
		first, last string // when
		count, line int    // line is that of the last
	}
	all := map[string]folded{}
	for i, l := range lines {
		at, said := safeLog(l)
		f := all[said]
		if f.first == "" {
			f.first = at
		}
		all[said] = folded{f.first, at, f.count + 1, i}
	}
	order := slices.SortedFunc(maps.Keys(all), func(a, b string) int { return all[a].line - all[b].line })
	out := make([]string, 0, logLines)
	for _, said := range order[max(0, len(order)-logLines):] {
		f := all[said]
		text := strings.TrimPrefix(f.last+" "+said, " ")
		switch {
		case f.count > 1 && f.first != "":
			text += fmt.Sprintf(" (%d times, the first at %s)", f.count, f.first)
		case f.count > 1:
			text += fmt.Sprintf(" (%d times)", f.count)
		}
		out = append(out, text)
	}
	return out
}

// safeLog is what a report has of a line of the log: when, how bad, and which of
// the known messages. Of the rest: numbers, versions, and causes of errors.
func safeLog(line string) (at, text string) {
	var out []string
	said := false
	for _, m := range logField.FindAllStringSubmatch(line, 100) {
		key, value := m[1], m[2]
		if u, err := strconv.Unquote(value); err == nil {
			value = u
		}
		switch key {
		case "time":
			t, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				return "", hidden
			}
			if at == "" {
				at = t.UTC().Format("2006-01-02T15:04:05Z")
			}
		case "level":
			out = append(out, oneOf(value, "DEBUG", "INFO", "WARN", "ERROR").safe)
		case "msg":
			if said {
				return at, strings.Join(append(out, hidden), " ") // no line of slog's
			}
			said = true
			out = append(out, oneOf(value, messages...).safe)
		case "version", "engine":
			out = append(out, key+"="+version(value).safe)
		case "error", "err":
			out = append(out, "error="+strconv.Quote(causeOf(value).safe))
		case "dropped", "count", "pid":
			if _, err := strconv.Atoi(value); err == nil && len(value) < 10 {
				out = append(out, key+"="+value)
			}
		}
	}
	if !slices.ContainsFunc(out, func(s string) bool { return s != hidden }) {
		return at, hidden
	}
	return at, strings.Join(out, " ")
}
