package ignores

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Set is all that is kept out of one folder. It is not changed once it is made.
type Set struct {
	rules []*Rule
	text  string
}

// SharedName is the file at the top of a folder whose patterns all devices obey.
const SharedName = ".botsyncignore"

// LocalName is Syncthing's own file of patterns, which does not sync.
const LocalName = ".stignore"

// New puts the lines of the user's own file and of the shared one together with
// the defaults.
func New(local, shared []*Rule) *Set {
	own := append(append([]*Rule(nil), local...), shared...)
	// The shared file can hide everything but itself.
	always := &Rule{Pattern: "!/" + SharedName, Class: Own}
	if err := always.add("!/" + SharedName); err != nil {
		panic(err)
	}
	s := &Set{rules: []*Rule{always}}
	var named, apart []*Rule
	for _, def := range defaults() {
		switch {
		case isNamed(own, def):
			named = append(named, def)
		case def.apart:
			apart = append(apart, def)
		default:
			s.rules = append(s.rules, def)
		}
	}
	s.rules = append(append(s.rules, between(own, apart)...), named...)
	var b strings.Builder
	b.WriteString("#escape=\\\n") // on Windows too
	for _, r := range s.rules {
		for _, line := range r.lines {
			b.WriteString(line + "\n")
		}
	}
	s.text = b.String()
	return s
}

// between puts defaults that admit something themselves among the lines of the
// files: after those that keep out, so that they do, before the first exception.
func between(own, apart []*Rule) []*Rule {
	at := slices.IndexFunc(own, func(r *Rule) bool { return r.Admits })
	if at < 0 {
		at = len(own)
	}
	return slices.Insert(slices.Clone(own), at, apart...)
}

func isNamed(own []*Rule, def *Rule) bool {
	for _, r := range own {
		if r.Admits && r.names(def) {
			return true
		}
	}
	return false
}

// Text is the set as a file of patterns for Syncthing.
func (s *Set) Text() string { return s.text }

// Verdict is what a set says of a path.
type Verdict struct {
	Rule    *Rule // that decided; nil if none did
	Ignored bool
	// Whole says that nothing below it can be admitted, if it is a directory.
	Whole bool
}

// Match says what becomes of a path within the folder, slash-separated. It knows
// neither Syncthing's own files nor its temporary ones.
func (s *Set) Match(name string) Verdict {
	if name == "." || name == "" {
		return Verdict{}
	}
	name = norm.NFC.String(name)
	lower := strings.ToLower(name)
	whole := true
	for _, r := range s.rules {
		for _, p := range r.parts {
			whole = whole && p.skips
			subject := name
			if p.fold {
				subject = lower
			}
			if p.glob.Match(subject) {
				return Verdict{Rule: r, Ignored: !p.admits, Whole: !p.admits && whole}
			}
		}
	}
	return Verdict{}
}

// Precious reports whether a path is, or is in, what must not be deleted here
// because a peer deleted the directory around it, whichever rule keeps it out.
func (s *Set) Precious(name string) (*Rule, bool) {
	v := s.Match(name)
	if !v.Ignored {
		return nil, false
	}
	if v.Rule.Class.Precious() {
		return v.Rule, true
	}
	name = strings.ToLower(norm.NFC.String(name))
	for _, r := range s.rules {
		if !r.Class.Precious() {
			continue
		}
		for _, p := range r.parts {
			if p.glob.Match(name) {
				if !p.admits {
					return r, true
				}
				break
			}
		}
	}
	return nil, false
}
