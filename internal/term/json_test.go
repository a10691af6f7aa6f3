package term

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// Whatever is in a name, its JSON is one printable line, and says the same.
func TestJSONIsPrintable(t *testing.T) {
	t.Parallel()
	check := func(t rapid.TB, name string) {
		t.Helper()
		var b bytes.Buffer
		if err := encode(&b, map[string]string{"path": name}); err != nil {
			t.Fatal(err)
		}
		line, ends := strings.CutSuffix(b.String(), "\n")
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || !ends {
			t.Errorf("%q", b.String())
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(line), &back); err != nil || back["path"] != strings.ToValidUTF8(name, "\ufffd") {
			t.Errorf("%q became %q, %v", name, back["path"], err)
		}
	}
	check(t, "\x00\x1b\x7f\u009b31m\u202e\u2028\u00a0\U000e0041\U0010ffff\"\\<é😀\n\t")
	rapid.Check(t, func(t *rapid.T) { check(t, rapid.String().Draw(t, "name")) })
}
