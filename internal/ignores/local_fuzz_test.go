package ignores

import (
	"errors"
	"io/fs"
	"testing"
)

// The user's own file may include others, and they that file: it ends, and whatever
// is read can be matched.
func FuzzParseLocal(f *testing.F) {
	f.Add([]byte("#escape = !\na!*\n#include other\n(?d)(?i)x"), []byte("#include .stignore\n!y"), "a/b")
	f.Add([]byte("#include other\n#include other"), []byte("#include other\n**/[a-z]"), "x")
	f.Fuzz(func(t *testing.T, data, other []byte, name string) {
		rules, err := ParseLocal(data, func(n string) ([]byte, error) {
			if n == "other" {
				return other, nil
			}
			return nil, fs.ErrNotExist
		})
		var line *LineError
		if err != nil && !errors.As(err, &line) {
			t.Fatal(err)
		}
		New(rules, nil).Match(name)
	})
}
