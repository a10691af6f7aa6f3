package doctor

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// logLine is a line as log/slog writes it as text.
var logField = regexp.MustCompile(`([A-Za-z_.]+)=("(?:[^"\\]|\\.)*"|[^ "]*)`)

// safeLog is what a report has of a line of the log: when, how bad, and which of
// the known messages. Of the rest: numbers, versions, and causes of errors.
func safeLog(line string) string {
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
				return hidden
			}
			out = append(out, t.UTC().Format("2006-01-02T15:04:05Z"))
		case "level":
			out = append(out, oneOf(value, "DEBUG", "INFO", "WARN", "ERROR").safe)
		case "msg":
			if said {
				return strings.Join(append(out, hidden), " ") // no line of slog's
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
		return hidden
	}
	return strings.Join(out, " ")
}
