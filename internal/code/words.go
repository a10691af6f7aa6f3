package code

import (
	"slices"
	"strings"
	"sync"

	"github.com/sethvargo/go-diceware/diceware"
)

// wordList is the list in order and its words as a set.
type wordList struct {
	all []string
	set map[string]bool
}

// words builds the list at its first use: the EFF's large list
// (https://www.eff.org/files/2016/07/18/eff_large_wordlist.txt) in the order of
// its dice rolls, without the words that contain a hyphen (drop-down, felt-tip,
// t-shirt, yo-yo), which could not be told from two words.
var words = sync.OnceValue(func() wordList {
	eff := diceware.WordListEffLarge()
	l := wordList{set: make(map[string]bool)}
	for roll := range rolls(eff.Digits()) {
		w := eff.WordAt(roll)
		if strings.Contains(w, "-") {
			continue
		}
		l.all = append(l.all, w)
		l.set[w] = true
	}
	return l
})

// rolls yields the results of rolling the given number of dice, as the decimal
// numbers that diceware lists use, in order: 11111, 11112, … 66666 for five.
func rolls(dice int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		var roll func(prefix, left int) bool
		roll = func(prefix, left int) bool {
			if left == 0 {
				return yield(prefix)
			}
			for eyes := 1; eyes <= 6; eyes++ {
				if !roll(prefix*10+eyes, left-1) {
					return false
				}
			}
			return true
		}
		roll(0, dice)
	}
}

// List returns a copy of the word list in order: 7,772 words of 3 to 9 letters
// from a to z.
func List() []string { return slices.Clone(words().all) }
