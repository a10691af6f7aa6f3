package root

import (
	"strings"
	"testing"
)

func TestMergeSettings(t *testing.T) {
	t.Parallel()
	m := Merge{AppendOnly: []string{"*.jsonl", "shared/logs/**"}}
	if err := m.validate(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{
		"a.jsonl": true, "deep/er/a.jsonl": true, "logs/a": true, "logs/x/y.txt": true, "a.log": false, "a.jsonl/b": false, "x/logs/a": false,
	} {
		if got := m.Merges("shared", file); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
	if m.Merges("inbox", "logs/a") || (Merge{}).Merges("shared", "a.jsonl") {
		t.Error("what nobody asked for is merged")
	}
	for _, bad := range [][]string{{""}, {"[a"}, {"a\nb"}, {strings.Repeat("x", maxPattern+1)}, make([]string, maxPatterns+1)} {
		if (Merge{AppendOnly: bad}).validate() == nil {
			t.Errorf("%.20q is accepted", bad)
		}
	}
}
