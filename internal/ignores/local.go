package ignores

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"unicode/utf8"
)

// Limits of the user's own file, with those that it includes.
const (
	maxLocal    = 1 << 20 // bytes, of each file
	maxIncludes = 32
)

// local reads the user's own file of patterns, as Syncthing reads it: with
// #include of other files in the folder, and another character than \ to escape
// with.
type local struct {
	read func(name string) ([]byte, error)
	seen map[string]bool
	out  []*Rule
	err  error // the first
}

// ParseLocal reads the user's own file, and with read those that it includes, by
// their paths within the folder. With an error, which is a [*LineError], it returns
// the rules of the lines that can be used.
func ParseLocal(data []byte, read func(name string) ([]byte, error)) ([]*Rule, error) {
	l := local{read: read, seen: map[string]bool{LocalName: true}}
	l.parse(LocalName, string(data))
	return l.out, l.err
}

func (l *local) fail(file string, line int, format string, args ...any) {
	if l.err == nil {
		l.err = &LineError{file, line, fmt.Sprintf(format, args...)}
	}
}

func (l *local) parse(file, text string) {
	escape := `\`
	if runtime.GOOS == "windows" {
		escape = "|"
	}
	if len(text) > maxLocal || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
		l.fail(file, 0, "it is larger than %d MiB, or not text", maxLocal>>20)
		return
	}
	n := 0
	for raw := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		line := strings.TrimSpace(raw)
		if c, ok := strings.CutPrefix(line, "#escape"); ok {
			c = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(c), "="))
			if utf8.RuneCountInString(c) != 1 {
				l.fail(file, n, "it names no character to escape with")
				continue
			}
			escape = c
			continue
		}
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		if included, ok := strings.CutPrefix(line, "#include"); ok {
			l.include(file, n, strings.TrimSpace(included))
			continue
		}
		if escape != `\` {
			if runtime.GOOS == "windows" {
				line = strings.ReplaceAll(line, `\`, "/")
			}
			line = strings.ReplaceAll(line, escape, `\`)
			line = strings.ReplaceAll(line, `\\`, `\`+escape)
		}
		r := &Rule{Pattern: line, Class: Own, File: file, Line: n}
		if err := r.add(line); err != nil {
			l.fail(file, n, "%v", err)
			continue
		}
		l.out = append(l.out, r)
	}
}

func (l *local) include(file string, n int, name string) {
	// As Syncthing has it: from the directory of the file that includes.
	name = path.Join(path.Dir(file), strings.ReplaceAll(name, `\`, "/"))
	switch {
	case path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../"):
		l.fail(file, n, "%q is not in the folder", name)
	case l.seen[name] || len(l.seen) > maxIncludes:
		l.fail(file, n, "%q is included twice, or there are more than %d", name, maxIncludes)
	default:
		l.seen[name] = true
		data, err := l.read(name)
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = fs.ErrNotExist // which the system words in its own way
		}
		if err != nil {
			l.fail(file, n, "%s: %v", name, err)
			return
		}
		l.parse(name, string(data))
	}
}
