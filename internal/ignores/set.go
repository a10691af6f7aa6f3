package ignores

import (
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// Set is all that is kept out of one folder. It is not changed once it is made.
type Set struct {
	rules   []*Rule
	refused []*Rule
	text    string
	index   index
}

// SharedName is the file at the top of a folder whose patterns all devices obey.
const SharedName = ".botsyncignore"

// LocalName is Syncthing's own file of patterns, which does not sync, and so is the
// user's alone.
const LocalName = ".stignore"

// New puts the lines of the user's own file and of the shared one together with
// the defaults.
//
// What is guarded is admitted by the own file alone, so its patterns come before
// the first exception of another file, which a peer may have written.
func New(local, shared []*Rule) *Set {
	own := append(append([]*Rule(nil), local...), shared...)
	s := &Set{rules: slices.Clone(always())}
	var named, apart, guarded []*Rule
	for _, def := range defaults() {
		switch {
		case def.Class.Guarded() && isNamed(local, def, (*Rule).private):
			guarded = append(guarded, def)
		case !def.Class.Guarded() && isNamed(own, def, anyFile):
			named = append(named, def)
		case def.apart:
			apart = append(apart, def)
		default:
			s.rules = append(s.rules, def)
		}
	}
	s.refused = refused(own, s.rules, apart)
	own = before(own, guarded, func(r *Rule) bool { return !r.private() })
	// After lines that keep out what these admit themselves, so that they do.
	own = before(own, apart, anyFile)
	s.rules = append(append(s.rules, own...), named...)
	var b strings.Builder
	b.WriteString("#escape=\\\n") // on Windows too
	for _, r := range s.rules {
		for _, line := range r.lines {
			b.WriteString(line + "\n")
		}
	}
	s.text = b.String()
	s.index = newIndex(s.rules)
	return s
}

// always are the rules that no file can change: the shared file hides everything
// but itself, and no peer sends the own one under a name that the system takes for
// it.
var always = sync.OnceValue(func() []*Rule {
	out := []*Rule{{Pattern: "!/" + SharedName, Class: Own}, {Pattern: "/" + LocalName, Class: Own}}
	for n, line := range []string{"!/" + SharedName, "(?i)/" + LocalName} {
		if err := out[n].add(line); err != nil {
			panic(err)
		}
	}
	return out
})

// before puts defaults among the lines of the files: before the first exception in
// a file that counts, and after all if there is none.
func before(own, defs []*Rule, counts func(*Rule) bool) []*Rule {
	at := slices.IndexFunc(own, func(r *Rule) bool { return r.Admits && counts(r) })
	if at < 0 {
		at = len(own)
	}
	return slices.Insert(slices.Clone(own), at, defs...)
}

func anyFile(*Rule) bool { return true }

// refused are the exceptions that name what is guarded and do not admit it, since
// they are not in the own file, and no line there names it either.
func refused(own []*Rule, defs ...[]*Rule) []*Rule {
	var out []*Rule
	for _, r := range own {
		if r.Admits && !r.private() && slices.ContainsFunc(slices.Concat(defs...), func(def *Rule) bool {
			return def.Class.Guarded() && r.names(def)
		}) {
			out = append(out, r)
		}
	}
	return out
}

// Refused returns the exceptions that admit nothing of what they name, or not all:
// secrets and version control are admitted by a line of the user's own file alone.
func (s *Set) Refused() []*Rule { return s.refused }

// isNamed reports whether an exception in a file that counts names a default.
func isNamed(own []*Rule, def *Rule, counts func(*Rule) bool) bool {
	for _, r := range own {
		if r.Admits && counts(r) && r.names(def) {
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
	return s.index.match(s.rules, name, strings.ToLower(name))
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
