package ignores

import (
	"fmt"
	"path"
	"strings"

	"github.com/gobwas/glob"
	"golang.org/x/text/unicode/norm"
)

// Rule is a pattern, and what is known of it.
type Rule struct {
	Pattern   string // as it was written
	Class     Class
	File      string // within the folder; empty for a default
	Line      int    // in File, from 1
	Admits    bool   // it begins with !
	Deletable bool   // what it matches goes with a directory that a peer deletes: (?d)

	lines []string // for Syncthing
	parts []part
	// apart says that lines of the rule admit what is like it and not meant: the
	// lines of the two files come before it.
	apart bool
}

// part is one of the globs that a line comes to.
type part struct {
	glob   glob.Glob
	fold   bool
	admits bool
	skips  bool // directories that later parts match can be left out unseen
}

// add has the rule match a line of Syncthing's patterns as well.
func (r *Rule) add(line string) error {
	lines, err := expand(line)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if err := r.addPlain(l); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rule) addPlain(line string) error {
	r.lines = append(r.lines, line)
	pattern, fold := line, false
	var seen [3]bool
	for {
		if strings.HasPrefix(pattern, "!") && !seen[0] {
			seen[0], pattern = true, pattern[1:]
		} else if strings.HasPrefix(pattern, "(?i)") && !seen[1] {
			seen[1], fold, pattern = true, true, pattern[4:]
		} else if strings.HasPrefix(pattern, "(?d)") && !seen[2] {
			seen[2], pattern = true, pattern[4:]
		} else {
			break
		}
	}
	r.Admits, r.Deletable = seen[0], seen[2] && !seen[0]
	if pattern == "" {
		return fmt.Errorf("%q has no pattern", strings.TrimPrefix(line, "(?i)"))
	}
	if fold {
		pattern = strings.ToLower(pattern)
	}
	pattern = norm.NFC.String(pattern)
	all := []string{pattern, pattern + "/**"}
	switch {
	case strings.HasSuffix(pattern, "/**"):
		all = all[:1]
	case strings.HasSuffix(pattern, "/"):
		all = []string{pattern + "**"}
	}
	for _, p := range all {
		for _, g := range anywhere(p) {
			compiled, err := compile(strings.TrimPrefix(g, "/"))
			if err != nil {
				return err
			}
			r.parts = append(r.parts, part{glob: compiled, fold: fold, admits: r.Admits, skips: !r.Admits || skips(g)})
		}
	}
	return nil
}

// anywhere are the globs for a pattern that matches in every directory, unless it
// begins with a slash.
func anywhere(p string) []string {
	if strings.HasPrefix(p, "/") {
		return []string{p}
	}
	if rest, ok := strings.CutPrefix(p, "**/"); ok {
		return []string{p, rest}
	}
	return []string{p, "**/" + p}
}

// skips reports whether nothing that an exception admits is in a directory that
// can be left out, as Syncthing judges it.
func skips(p string) bool {
	if !strings.HasPrefix(p, "/") {
		return false
	}
	p = strings.TrimSuffix(p, "/**")
	return p == "" || !strings.Contains(p[1:], "/") && !strings.Contains(strings.TrimSuffix(p, "**"), "**")
}

// compile bears what the library does not: it panics on a few patterns.
func compile(p string) (g glob.Glob, err error) {
	defer func() {
		if recover() != nil {
			g, err = nil, fmt.Errorf("%q is not a pattern", p)
		}
	}()
	if g, err = glob.Compile(p, '/'); err != nil {
		return nil, fmt.Errorf("%q is not a pattern: %w", p, err)
	}
	return g, nil
}

// names reports whether an exception names a default: whether one of its
// components and one of the default's match each other. What stands for any name
// names nothing, unless it is all there is.
func (r *Rule) names(def *Rule) bool {
	theirs, _ := components(def.Pattern)
	for _, line := range r.lines {
		mine, all := components(line)
		if all {
			return true
		}
		for _, a := range mine {
			for _, b := range theirs {
				if a == b || matches(b, a) || matches(a, b) {
					return true
				}
			}
		}
	}
	return false
}

// components returns the names in a pattern, in lower case, and whether it matches
// everything.
func components(pattern string) (names []string, all bool) {
	for _, prefix := range []string{"!", "(?i)", "(?d)", "!", "(?i)", "(?d)"} {
		pattern = strings.TrimPrefix(pattern, prefix)
	}
	for c := range strings.SplitSeq(norm.NFC.String(strings.ToLower(pattern)), "/") {
		if strings.Trim(c, "*") != "" {
			names = append(names, c)
		}
	}
	return names, len(names) == 0
}

func matches(pattern, name string) bool {
	if !strings.ContainsAny(pattern, `*?[{\`) {
		return false // compared already
	}
	g, err := compile(pattern)
	return err == nil && g.Match(name)
}

// private reports whether the line is in the file that no peer writes. What that
// includes may be synced.
func (r *Rule) private() bool { return r.File == LocalName }

// Source says where the pattern is from, for a person.
func (r *Rule) Source() string {
	if r.File == "" {
		return "default"
	}
	return fmt.Sprintf("%s:%d", path.Clean(r.File), r.Line)
}
