package code

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

const (
	maxNearest  = 3 // words suggested for one that is not on the list
	maxDistance = 3 // edits beyond which a suggestion would be a guess
)

// nearest returns the words of the list that are the fewest edits away from
// word, at most maxNearest of them and none more than maxDistance or half the
// word's length away. Of words equally far those with the same first letter
// come first, since people rarely mistype it; then the list's order decides, so
// that the answer is always the same.
func nearest(word string) []string {
	type candidate struct {
		word     string
		distance int
		initial  int // 0 if the first letter is the same
	}
	// Half of a short word would be most of what is legible in it, yet one edit
	// can always be a slip.
	length := utf8.RuneCountInString(word)
	limit := min(maxDistance, max(1, length/2))
	var near []candidate
	for _, w := range words().all {
		if len(w) < length-limit || len(w) > length+limit {
			continue // at least one edit for each letter more or less
		}
		if d := levenshtein.ComputeDistance(word, w); d <= limit {
			c := candidate{word: w, distance: d}
			if word == "" || w[0] != word[0] {
				c.initial = 1
			}
			near = append(near, c)
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.initial, b.initial))
	})
	var nearest []string
	for _, c := range near[:min(len(near), maxNearest)] {
		nearest = append(nearest, c.word)
	}
	return nearest
}
