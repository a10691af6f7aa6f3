package names

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestUnholdable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 255)
	for _, tt := range []struct {
		path, windows, darwin, linux string // the code; empty if it can be held
	}{
		{"report.md", "", "", ""},
		{"report:final.md", "name_reserved", "", ""},
		{"a/b?/c", "name_reserved", "", ""},
		{`back\slash`, "name_reserved", "", ""},
		{"tab\there", "name_reserved", "", ""},
		{"trailing.", "name_reserved", "", ""},
		{"trailing ", "name_reserved", "", ""},
		{"dir./file", "name_reserved", "", ""},
		{"CON", "name_reserved", "", ""}, {"nul.txt", "name_reserved", "", ""}, {"com1", "name_reserved", "", ""}, {"x/LPT9.a.b", "name_reserved", "", ""},
		{"COM¹", "name_reserved", "", ""}, {"aux .txt", "name_reserved", "", ""}, {"conout$", "name_reserved", "", ""},
		{"console", "", "", ""}, {"com10", "", "", ""}, {"com", "", "", ""}, {"COMA", "", "", ""}, {"a.con", "", "", ""}, {".gitignore", "", "", ""},
		{long, "", "", ""}, {long + "a", "name_too_long", "name_too_long", "name_too_long"},
		{strings.Repeat("é", 127), "", "name_too_long", ""}, // two letters as macOS stores it
		{strings.Repeat("日", 86), "", "name_too_long", "name_too_long"},
		{strings.Repeat("🙂", 128), "name_too_long", "name_too_long", "name_too_long"},
		{"d/" + long + "a/f", "name_too_long", "name_too_long", "name_too_long"},
	} {
		for system, want := range map[string]string{Windows: tt.windows, Darwin: tt.darwin, "linux": tt.linux} {
			r, bad := Unholdable(tt.path, system)
			if string(r.Code) != want || bad != (want != "") || bad && (r.Text == "" || r.Name == "") {
				t.Errorf("%.30q on %s: %+v, want %q", tt.path, system, r, want)
			}
		}
	}
	if Fold("É/A") != Fold("e\u0301/a") || !Folds(Darwin) || Folds("linux") || System("windows") != "Windows" {
		t.Error("case is not folded")
	}
}

// A path can be held if each of its names can.
func TestNamesAreJudgedOneByOne(t *testing.T) {
	t.Parallel()
	name := rapid.SampledFrom([]string{"a", "con", "b.", "c:d", " e", strings.Repeat("f", 300), "nul.x", "g"})
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(name, 1, 5).Draw(t, "parts")
		system := rapid.SampledFrom([]string{Windows, Darwin, "linux"}).Draw(t, "system")
		want := false
		for _, p := range parts {
			_, bad := Unholdable(p, system)
			want = want || bad
		}
		if _, got := Unholdable(strings.Join(parts, "/"), system); got != want {
			t.Fatalf("%q: %v, want %v", parts, got, want)
		}
	})
}
