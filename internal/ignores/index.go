package ignores

import (
	"slices"
	"strings"

	"github.com/gobwas/glob"
	"golang.org/x/text/unicode/norm"
)

// index tells quickly which rules match a path. Most of them name one component of it,
// wherever it is, and most of these say it letter by letter: instead of holding the path
// against the four globs that each line comes to, its components are looked up.
type index struct {
	words   map[string]int // component, in lower case → the first rule that names it
	checked []int          // rules that have to be asked, in their order
	globs   [][]glob.Glob  // of each rule, for one component; nil if its parts have to be asked
	letters [][]string     // of each rule whose parts have to be asked: one of these is in what it matches; nil if that is not known
	skips   []bool         // of each rule: the parts of all rules before it skip
}

func newIndex(rules []*Rule) index {
	x := index{words: map[string]int{}, globs: make([][]glob.Glob, len(rules)), letters: make([][]string, len(rules)), skips: make([]bool, len(rules))}
	skips := true
	for i, r := range rules {
		x.skips[i] = skips
		skips = skips && !slices.ContainsFunc(r.parts, func(p part) bool { return !p.skips })
		words, globs, ok := r.components()
		for _, w := range words {
			if _, there := x.words[w]; !there && ok {
				x.words[w] = i
			}
		}
		if !ok || len(globs) > 0 {
			x.checked = append(x.checked, i)
		}
		if ok {
			x.globs[i] = globs
		} else {
			x.letters[i] = r.letters()
		}
	}
	return x
}

// components returns what a rule matches if that is any component of a path, case not
// counted: words, and globs. It is false for other rules, and for exceptions.
func (r *Rule) components() (words []string, globs []glob.Glob, ok bool) {
	for _, line := range r.lines {
		word, fold := strings.CutPrefix(strings.TrimPrefix(line, "(?d)"), "(?i)")
		word = strings.TrimPrefix(word, "(?d)")
		word = norm.NFC.String(strings.ToLower(word))
		if !fold || strings.ContainsAny(word, `!?/\[]{}()`) || strings.Contains(word, "**") {
			return nil, nil, false
		}
		if !strings.Contains(word, "*") {
			words = append(words, word)
			continue
		}
		g, err := compile(word)
		if err != nil {
			return nil, nil, false
		}
		globs = append(globs, g)
	}
	return words, globs, len(r.lines) > 0
}

// letters returns for each line of a rule, in lower case, the longest run of letters that
// stand for themselves: what matches has one of these. It is nil if that cannot be said.
func (r *Rule) letters() []string {
	var out []string
	for _, line := range r.lines {
		for _, prefix := range []string{"!", "(?i)", "(?d)", "!", "(?i)", "(?d)"} {
			line = strings.TrimPrefix(line, prefix)
		}
		if strings.ContainsAny(line, `\[]{}`) {
			return nil
		}
		longest := ""
		for run := range strings.FieldsFuncSeq(norm.NFC.String(strings.ToLower(line)), func(c rune) bool { return c == '*' || c == '?' }) {
			if run = strings.Trim(run, "/"); len(run) > len(longest) {
				longest = run
			}
		}
		if longest == "" {
			return nil
		}
		out = append(out, longest)
	}
	return out
}

// match is Set.Match for a path and the same in lower case.
func (x *index) match(rules []*Rule, name, lower string) Verdict {
	var room [16]string
	components := room[:0]
	word := len(rules)
	for c := range strings.SplitSeq(lower, "/") {
		components = append(components, c)
		if i, ok := x.words[c]; ok {
			word = min(word, i)
		}
	}
	for _, i := range x.checked {
		if i >= word {
			break
		}
		if x.globs[i] == nil {
			if x.letters[i] != nil && !slices.ContainsFunc(x.letters[i], func(l string) bool { return strings.Contains(lower, l) }) {
				continue
			}
			if v := rules[i].match(name, lower, x.skips[i]); v != nil {
				return *v
			}
			continue
		}
		for _, g := range x.globs[i] {
			for _, c := range components {
				if g.Match(c) {
					return Verdict{Rule: rules[i], Ignored: true, Whole: x.skips[i]}
				}
			}
		}
	}
	if word < len(rules) {
		return Verdict{Rule: rules[word], Ignored: true, Whole: x.skips[word]}
	}
	return Verdict{}
}

// match holds a path against the parts of a rule, and is nil if none matches. Whole says
// that the parts of all rules before it skip.
func (r *Rule) match(name, lower string, whole bool) *Verdict {
	for _, p := range r.parts {
		whole = whole && p.skips
		subject := name
		if p.fold {
			subject = lower
		}
		if p.glob.Match(subject) {
			return &Verdict{Rule: r, Ignored: !p.admits, Whole: !p.admits && whole}
		}
	}
	return nil
}
