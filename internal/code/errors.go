package code

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// ErrTooLong is the error for input of more than [MaxInput] bytes.
var ErrTooLong = errors.New("this is too long to be a code: a code has five words")

// CountError is the error for input that is not five words.
type CountError struct {
	Got int // the number of words in the input, from 0
}

func (e *CountError) Error() string {
	switch e.Got {
	case 0:
		return "the code is empty: a code has five words"
	case 1:
		return "a code has five words, this is one"
	default:
		return fmt.Sprintf("a code has five words, these are %d", e.Got)
	}
}

// WordError is the error for a word that is not on the list.
type WordError struct {
	// Word is the word as it was read, in lower case. What cannot be printed
	// has been replaced by question marks, and what is over maxShown runes by
	// an ellipsis.
	Word string
	// Position counts the words of the code from 1.
	Position int
	// Nearest are at most three words of the list that Word was probably meant
	// to be, the likeliest first. There may be none.
	Nearest []string
}

func (e *WordError) Error() string {
	msg := fmt.Sprintf("word %d of the code, %q, is not on the list", e.Position, e.Word)
	if len(e.Nearest) > 0 {
		msg += "; did you mean " + alternatives(e.Nearest) + "?"
	}
	return msg
}

// WordErrors is the error for a code in which several words are not on the
// list, in order of position. errors.As finds the first *WordError in it.
type WordErrors []*WordError

func (e WordErrors) Error() string {
	lines := make([]string, len(e))
	for i, w := range e {
		lines[i] = w.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the errors one by one.
func (e WordErrors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, w := range e {
		errs[i] = w
	}
	return errs
}

func newWordError(word string, position int) *WordError {
	word = printable(word)
	return &WordError{Word: word, Position: position, Nearest: nearest(word)}
}

// alternatives joins words as one, two or three alternatives are spoken.
func alternatives(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// maxShown is the longest stretch of a foreign word that is repeated, in runes.
const maxShown = 24

// printable makes a foreign word harmless to show on a terminal and in a log.
func printable(word string) string {
	var b strings.Builder
	shown := 0
	for _, r := range word {
		if shown == maxShown {
			b.WriteRune('…')
			break
		}
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar || unicode.Is(unicode.M, r) {
			r = '?' // marks too: a pile of them can cover the lines around
		}
		b.WriteRune(r)
		shown++
	}
	return b.String()
}
