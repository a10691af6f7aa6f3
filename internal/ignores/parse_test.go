package ignores

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"
)

// A line that cannot be used is named, with its reason, and the others are read.
func TestSharedErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"an include out of the folder", "a\n#include ../../etc/passwd", ".botsyncignore, line 2: #include is for .stignore; a file that syncs names no others"},
		{"an include", "#include other", ".botsyncignore, line 1: #include is for .stignore; a file that syncs names no others"},
		{"another escape", "#escape=|", `.botsyncignore, line 1: #escape is for .stignore; here \ escapes`},
		{"deletable", "ok\n(?d)*", ".botsyncignore, line 2: (?d) is for .stignore; what this file keeps out is never deleted"},
		{"deletable too", "!(?d)*", ".botsyncignore, line 1: (?d) is for .stignore; what this file keeps out is never deleted"},
		{"deletable as well", "(?i)(?d)*", ".botsyncignore, line 1: (?d) is for .stignore; what this file keeps out is never deleted"},
		{"NUL", "a\n\n\x00b", ".botsyncignore, line 3: it has control characters"},
		{"an escape sequence", "\x1b[31m", ".botsyncignore, line 1: it has control characters"},
		{"not UTF-8", "\xff", ".botsyncignore, line 1: it is not UTF-8"},
		{"a long line", strings.Repeat("a", 300), ".botsyncignore, line 1: it is longer than 256 bytes"},
		{"a large file", strings.Repeat("a\n", MaxBytes), ".botsyncignore: it is larger than 64 KiB"},
		{"many patterns", strings.Repeat("a\n", MaxPatterns+1), ".botsyncignore, line 501: there are more than 500 patterns"},
		{"many patterns by braces", strings.Repeat("a{1,2,3,4,5,6,7,8}\n", 70), ".botsyncignore, line 63: there are more than 500 patterns"},
		{"many slow patterns", strings.Repeat("a?\n", 51), ".botsyncignore, line 51: there are more than 50 patterns with ? or [ ]"},
		{"nothing to negate", "!", `.botsyncignore, line 1: "!" has no pattern`},
		{"an open class", "[a", `.botsyncignore, line 1: "[a" is not a pattern: unexpected end of input`},
		{"many deep stars", "**a**a**a**a", ".botsyncignore, line 1: it has more than 3 of **"},
		{"many stars", strings.Repeat("*a", 12), ".botsyncignore, line 1: it has more than 8 of * and ?"},
		{"many braces", "{a,b}{a,b,c}{d,e}", `.botsyncignore, line 1: "{a,b}{a,b,c}{d,e}" has more than 8 choices`},
		{"deep braces", "{{a,b},c}", `.botsyncignore, line 1: "{{a,b},c}" has braces within braces`},
		{"open braces", "{a", `.botsyncignore, line 1: "{a" has braces that do not match`},
		{"empty braces", "{}", `.botsyncignore, line 1: "" has no pattern`},
	} {
		rules, err := ParseShared([]byte("first\n" + tt.text + "\nlast\n"))
		_, errAlone := ParseShared([]byte(tt.text))
		var line *LineError
		if !errors.As(err, &line) || errAlone == nil || errAlone.Error() != tt.want {
			t.Errorf("%s: %v, %v", tt.name, err, errAlone)
			continue
		}
		if tt.name != "a large file" && (len(rules) == 0 || rules[0].Pattern != "first") {
			t.Errorf("%s: the lines that can be used were lost", tt.name)
		}
	}
}

func TestIncludes(t *testing.T) {
	t.Parallel()
	files := map[string]string{"more": "b\n#include sub/again", "sub/again": "c\n#include ../more", "loop": "#include loop"}
	read := func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
	for text, want := range map[string]string{
		"a\n#include more\nd":    "a:.stignore:1 b:more:1 c:sub/again:1 d:.stignore:3 | sub/again, line 2: \"more\" is included twice, or there are more than 32",
		"#include loop\na":       "a:.stignore:2 | loop, line 1: \"loop\" is included twice, or there are more than 32",
		"#include ../../etc/x\n": "| .stignore, line 1: \"../../etc/x\" is not in the folder",
		"#include /etc/passwd":   "| .stignore, line 1: etc/passwd: file does not exist",
		"#include missing\na":    "a:.stignore:2 | .stignore, line 1: missing: file does not exist",
		"#escape=|\n|[a":         `\[a:.stignore:2`,
		"#escape=\na":            "a:.stignore:2 | .stignore, line 1: it names no character to escape with",
		"a\x00":                  "| .stignore: it is larger than 1 MiB, or not text",
		"(?d)a\n// no\n!b":       "(?d)a:.stignore:1 !b:.stignore:3",
	} {
		rules, err := ParseLocal([]byte(text), read)
		var got []string
		for _, r := range rules {
			got = append(got, r.Pattern+":"+r.Source())
		}
		if err != nil {
			got = append(got, "| "+err.Error())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %s", text, strings.Join(got, " "))
		}
	}
}

// With whatever a peer writes, a look at a name takes little time: 100,000 files
// a minute and a half with 500 of the worst patterns.
func TestPatternsAreCheap(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"**a**a**a", "*a*a*a*a*a*a*a*ab", "**/*a*a*a*a*a**b", "{a*,*a,a,aa,aaa,aaaa,*,a}a", "{*a,a*}*a*a*a*b", "????????", "**{a,aa,*a,a*}**b"} {
		rules, err := ParseShared([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		s, best := New(nil, rules), time.Hour
		for range 3 { // other tests run as well
			start := time.Now()
			for range 20 {
				s.Match(strings.Repeat("a", 250))
				s.Match(strings.Repeat("aaaaaaa/", 30))
			}
			best = min(best, time.Since(start)/40)
		}
		t.Logf("%s: %v", line, best)
		if best > 20*time.Millisecond {
			t.Errorf("%s: a look takes %v", line, best)
		}
	}
}

// Whatever is in the file, it is read within its limits, hides not itself and what
// it names is within the folder.
func FuzzParseShared(f *testing.F) {
	for _, s := range []string{"a\n!b\n", "#include ../x", "\x00", "{a,b}*", "[a-z]\\", "!(?i)A/**", "**", "!*", "# c", "*\n.botsyncignore\n", "(?d)x", "{}", "é?[a-z]{ä,}"} {
		f.Add([]byte(s), "a/b")
	}
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		rules, err := ParseShared(data)
		if len(rules) > MaxPatterns {
			t.Fatalf("%d patterns", len(rules))
		}
		var line *LineError
		if err != nil && !errors.As(err, &line) {
			t.Fatal(err)
		}
		s := New(nil, rules)
		if s.Match(SharedName).Ignored {
			t.Fatal("the file hides itself")
		}
		for _, r := range rules {
			if r.Deletable || r.File != SharedName || r.Line < 1 {
				t.Fatalf("%+v", r)
			}
		}
		if v := s.Match(name); v.Ignored && v.Rule == nil || v.Whole && !v.Ignored {
			t.Fatalf("%+v", v)
		}
		for l := range strings.Lines(s.Text()) {
			if strings.HasPrefix(l, "#include") || strings.Contains(l, "\x00") {
				t.Fatalf("%q", l)
			}
		}
		if strings.Count(s.Text(), "\n") > MaxPatterns+300 {
			t.Fatal(fmt.Sprint("a line breaks in ", s.Text()))
		}
	})
}
