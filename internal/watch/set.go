package watch

import (
	"path"
	"slices"
	"strings"
)

// Root is the path of the watched directory itself.
const Root = "."

// Change is a path to look at again.
type Change struct {
	Path string // slash-separated, within the tree
	// Deep says that whatever is below the path has to be looked at, too. Without
	// it only the entry itself may have changed, or have gone with all below it.
	Deep bool
}

// Set gathers changes. If there are more than its limit, the deepest of them
// give way to the directories that they are in. The zero Set has no limit.
type Set struct {
	limit int
	paths map[string]bool // → Deep
}

// NewSet returns an empty set with a limit, which must be positive.
func NewSet(limit int) *Set { return &Set{limit: limit} }

// Add adds changes.
func (s *Set) Add(changes ...Change) {
	for _, c := range changes {
		if s.paths[Root] {
			return
		}
		if s.paths == nil {
			s.paths = map[string]bool{}
		}
		s.paths[c.Path] = s.paths[c.Path] || c.Deep
		if s.paths[Root] {
			s.paths = map[string]bool{Root: true}
		}
		if s.limit > 0 && len(s.paths) > s.limit {
			s.shrink()
		}
	}
}

// shrink makes room for as many changes again, so that it is not called for each.
func (s *Set) shrink() {
	for len(s.paths) > s.limit/2 && !s.paths[Root] {
		deepest := -1
		for p := range s.paths {
			deepest = max(deepest, depth(p))
		}
		if deepest == 0 { // the root alone, or nothing
			break
		}
		for p := range s.paths {
			if depth(p) == deepest {
				delete(s.paths, p)
				s.paths[path.Dir(p)] = true
			}
		}
	}
	if s.paths[Root] {
		s.paths = map[string]bool{Root: true}
	}
}

func depth(p string) int {
	if p == Root {
		return 0
	}
	return 1 + strings.Count(p, "/")
}

// Len returns how many changes there are.
func (s *Set) Len() int { return len(s.paths) }

// Take empties the set and returns what was in it, sorted, without what is below
// a deep change.
func (s *Set) Take() []Change {
	var out []Change
	for p, deep := range s.paths {
		if !s.covered(p) {
			out = append(out, Change{p, deep})
		}
	}
	s.paths = nil
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// covered reports whether a directory above p is to be looked at with all below.
func (s *Set) covered(p string) bool {
	for p != Root {
		p = path.Dir(p)
		if s.paths[p] {
			return true
		}
	}
	return false
}
