package code

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"
)

// Length is the number of words in a code.
const Length = 5

// redacted is what fmt and log/slog show in place of a code.
const redacted = "[code]"

// Code is five words of the [List]. The zero Code has no words and stands for
// no invite; New and Parse never return it without an error.
//
// Codes are compared with [Code.Equal]; == does not compile.
type Code struct {
	// A function because fmt prints what unexported fields hold, through pointers
	// too, without asking for their methods; of a function it knows the address.
	words func() [Length]string
}

func newCode(words [Length]string) Code {
	return Code{words: func() [Length]string { return words }}
}

// New draws a code from crypto/rand. Every code is equally likely.
func New() (Code, error) {
	return draw(rand.Reader)
}

// draw reads a code's randomness from r.
func draw(r io.Reader) (Code, error) {
	list := words().all
	size := big.NewInt(int64(len(list)))
	var drawn [Length]string
	for i := range drawn {
		n, err := rand.Int(r, size) // rejects the remainder, so it is uniform
		if err != nil {
			return Code{}, fmt.Errorf("drawing a code: %w", err)
		}
		drawn[i] = list[n.Int64()]
	}
	return newCode(drawn), nil
}

// String returns the code in clear, as word-word-word-word-word. It is the
// empty string for the zero Code.
func (c Code) String() string {
	return strings.Join(c.Words(), "-")
}

// Words returns a copy of the words in order, in clear; none for the zero Code.
func (c Code) Words() []string {
	if c.words == nil {
		return nil
	}
	words := c.words()
	return words[:]
}

// IsZero reports whether c is the zero Code.
func (c Code) IsZero() bool { return c.words == nil }

// Equal reports whether c and d are the same words. It takes no care to do so
// in constant time: no peer ever sends a code to be compared.
func (c Code) Equal(d Code) bool {
	if c.IsZero() || d.IsZero() {
		return c.IsZero() && d.IsZero()
	}
	return c.words() == d.words()
}

// Format keeps the code out of everything that fmt prints, for every verb.
func (c Code) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// LogValue keeps the code out of logs.
func (c Code) LogValue() slog.Value { return slog.StringValue(redacted) }
