package code

import (
	"strings"
	"unicode"
)

// MaxInput is the longest input that Parse looks at, in bytes. The longest code
// has 49; the rest is room for whatever a chat puts around it.
const MaxInput = 1024

// Parse reads a code as a person passes it on. Case does not matter; words may
// be separated by any run of white space, dashes, and common punctuation, which
// may also surround them; invisible formatting characters are ignored.
//
// The error is [ErrTooLong], a [*CountError] when the input is not five words, a
// [*WordError] when one word is not on the list, or a [WordErrors] when several
// are not.
func Parse(s string) (Code, error) {
	if len(s) > MaxInput {
		return Code{}, ErrTooLong
	}
	fields := strings.FieldsFunc(strings.Map(visible, s), isSeparator)
	if len(fields) != Length {
		return Code{}, &CountError{Got: len(fields)}
	}
	var parsed [Length]string
	var wrong WordErrors
	for i, field := range fields {
		parsed[i] = strings.ToLower(field)
		if !words().set[parsed[i]] {
			wrong = append(wrong, newWordError(parsed[i], i+1))
		}
	}
	switch len(wrong) {
	case 0:
		return newCode(parsed), nil
	case 1:
		return Code{}, wrong[0]
	default:
		return Code{}, wrong
	}
}

// visible drops formatting characters: zero-width spaces, byte order marks,
// direction marks and soft hyphens, which chats and browsers add unseen.
func visible(r rune) rune {
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

// isSeparator reports whether r can stand between words: white space, every
// dash, the minus sign, and the punctuation that people and markup put around
// a code. An apostrophe inside a word would be a misspelling, but quotation
// marks around the code are common and use the same character.
func isSeparator(r rune) bool {
	const others = "\u2212_.,:;/|*~`'\"\u2018\u2019\u201c\u201d\u00ab\u00bb()[]{}<>\u00b7\u2022"
	return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || strings.ContainsRune(others, r)
}
