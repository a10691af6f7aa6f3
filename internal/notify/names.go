package notify

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxShown bounds a name in a message, in bytes; what is longer loses its middle.
const maxShown = 240

// quoted writes a foreign name so that it is only ever text: on one line, within
// backticks, so that no markdown in it is read as such, and with every character
// that cannot be seen, that moves others about or that could end the quotation
// written as an escape of Go. A name with an escape has its backslashes doubled,
// so that it can be read back.
func quoted(name string) string { return "`" + harmless(shorten(name)) + "`" }

func harmless(name string) string {
	if !strings.ContainsFunc(name, isHarmful) && utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for len(name) > 0 {
		r, size := utf8.DecodeRuneInString(name)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + padded(uint64(name[0]), 2))
		case !isHarmful(r):
			b.WriteRune(r)
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r > 0xffff:
			b.WriteString(`\U` + padded(uint64(r), 8))
		default:
			b.WriteString(`\u` + padded(uint64(r), 4))
		}
		name = name[size:]
	}
	return b.String()
}

func padded(n uint64, digits int) string {
	s := strconv.FormatUint(n, 16)
	return strings.Repeat("0", max(0, digits-len(s))) + s
}

// isHarmful reports what is escaped: beside what Unicode calls not printable
// (controls, bidi marks, other spaces) the letters and marks that show nothing,
// with which text can be hidden.
func isHarmful(r rune) bool {
	return r == '`' || r == '\\' || !unicode.IsPrint(r) || r == '\u2800' ||
		unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// shorten takes out the middle of what is too long: the end of a path says most.
func shorten(name string) string {
	if len(name) <= maxShown {
		return name
	}
	head, tail := maxShown/3, len(name)-maxShown*2/3
	for head > 0 && !utf8.RuneStart(name[head]) {
		head--
	}
	for tail < len(name) && !utf8.RuneStart(name[tail]) {
		tail++
	}
	return name[:head] + "…" + name[tail:]
}
