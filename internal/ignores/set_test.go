package ignores

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func shared(t *testing.T, text string) *Set {
	t.Helper()
	return both(t, "", text)
}

// both is the set of an own file, which can include one named more, and a shared one.
func both(t *testing.T, own, text string) *Set {
	t.Helper()
	mine, err := ParseLocal([]byte(own), func(string) ([]byte, error) { return []byte("!*"), nil })
	if err != nil {
		t.Fatal(err)
	}
	rules, err := ParseShared([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return New(mine, rules)
}

// What is kept out by default, of which class, and what is not.
func TestDefaults(t *testing.T) {
	t.Parallel()
	s := New(nil, nil)
	for class, names := range map[Class]string{
		VCS:          ".git web/.git/config .hg .svn .jj/repo",
		Secret:       ".env web/.env .ENV .env.local web/.env.production .env.example2 .env.examples .env.exam .env.e id_rsa keys/ID_ED25519 .ssh/config .aws/credentials home/.aws/credentials .netrc .npmrc .pypirc store.p12 privkey.pem tls/server-key.pem server.key .git-credentials .config/gh/hosts.yml",
		Dependencies: "node_modules web/node_modules/x/index.js",
		VirtualEnv:   ".venv venv/bin/python",
		Cache:        "__pycache__ a/b.pyc .pytest_cache .cache/x .mypy_cache",
		Editor:       "a.md~ .a.md.swp .#a.md #a.md# ~$a.docx .~lock.a.odt#",
		System:       ".DS_Store a/.DS_Store ._a Thumbs.db desktop.ini .Trash-1000/x",
		Partial:      "a.iso.part a.crdownload",
	} {
		for name := range strings.FieldsSeq(names) {
			if v := s.Match(name); !v.Ignored || v.Rule.Class != class {
				t.Errorf("%s is not kept out as %s: %+v", name, class, v)
			}
		}
	}
	for _, name := range []string{SharedName, ".env.example", "web/.env.sample", ".env.template", ".env.dist", "id_rsa.pub", "ca.pem", "cert.pem", "fullchain.pem",
		"talk.key", "build/a", "dist/a", "target/a", "vendor/a", ".gitignore", ".github/workflows/ci.yml", "env/a", "environment", ".envrc", "credentials", "aws/credentials",
		"a.part1.rar", "node_modules.md", ".vscode/settings.json", "CVS/receipt.pdf", "report.md", "passwords.kdbx"} {
		if v := s.Match(name); v.Ignored {
			t.Errorf("%s is kept out by %s", name, v.Rule.Pattern)
		}
	}
	for _, class := range []Class{VCS, Secret, Dependencies, VirtualEnv, Cache, Editor, System, Partial, Own} {
		if class.Words() == "" {
			t.Errorf("%s has no words", class)
		}
	}
	for _, name := range []string{".git", "a/node_modules", ".venv"} {
		if !s.Match(name).Whole {
			t.Errorf("%s is looked into", name)
		}
	}
}

// Only a line that names a default lifts it, and then the first pattern decides.
func TestExceptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ own, lines, out, in string }{
		{"!.git", "", ".env a/.env", ".git .git/config a/.git/config"},
		{"!/.git", "", "a/.git", ".git .git/config"},
		{"", "!node_modules", "node_modules/x/.git .git", "node_modules node_modules/a.js"},
		{"", "!/web/node_modules/keep.js", "web/node_modules/a.js node_modules", "web/node_modules/keep.js"},
		{"", "!/docs\n!/web/**\n*", "a docs/.env web/.git web/node_modules/a", "docs docs/a web/b .botsyncignore"},
		{"!.env", "", ".env.local .netrc", ".env a/.env"},
		{"!.env.test", "", ".env.local", ".env.test"},
		{"!.env.*", "", ".env", ".env.local"},
		{"!*.pem", "", "server.key", "key.pem privkey.pem"},
		{"!id_*", "", "server.key", "id_rsa id_ed25519"},
		{"", "!/config/**\n*.log\n.env.*", "config/.env.local .env.local config/.env a.log", "config/a.log .env.example"},
		{"", "*.example\n!/config", ".env.example config/.env.example", "config/a"},
		{"!*", "", "", ".git .env node_modules/a"},
		{"!.config", "", ".env", ".config/gcloud/a .config/gh/hosts.yml"},
		// What is guarded, by the own file alone, and as far as that says.
		{"", "!*", ".git a/.git/config .hg .env .env.local a/id_rsa .ssh/config node_modules/a/.git", "node_modules/a a.pyc .env.example"},
		{"", "!.git\n!.env\n!.env.*\n!.[eg]*\n!(?i).GIT\n!**/.git/config\n!.ssh/**", ".git .git/config a/.env .env.local .ssh/id_rsa", "a"},
		{"", "!?env\n!.{git,env}\n!\\.git\n!**", ".git/hooks/x .env .env.prod", "a node_modules/a"},
		{"!/web/.git", "!*", ".git a/.git/x .env", "web/.git/config a node_modules/a"},
		{"!.git", "!*\n.git", ".env", ".git/x"},
		{".env\n!*", "!*", ".env", ".git/x .env.local"},
		{"!.env", "!*", ".env.local", ".env .env.example"},
		{"!.env.test", "*.example\n!*", ".env.local a/.env.example", ".env.test"},
		{"", "*.log\n!keep.log", "a.log keep.log", "a.txt"},
		{"", "!keep.log\n*.log", "a.log", "keep.log"},
		{"", "Build/", "build/a BUILD/a", "build"},
		{"", "# words\n// more\n\n  *.log  \n", "a.log", "a"},
		{"", ".env.example", ".env.example", "a"},
		{"", "*", "a b/c", ".botsyncignore"},
		{"", "**\n.botsyncignore\n/.botsyncignore", "a b/c", ".botsyncignore"},
		{"", "a[0-9].txt\nb{1,2}\nc?", "a1.txt b2 cd", "aa.txt b3 c"},
	} {
		s := both(t, tt.own, tt.lines)
		for name := range strings.FieldsSeq(tt.out) {
			if !s.Match(name).Ignored {
				t.Errorf("%q, %q: %s is not kept out", tt.own, tt.lines, name)
			}
		}
		for name := range strings.FieldsSeq(tt.in) {
			if v := s.Match(name); v.Ignored {
				t.Errorf("%q, %q: %s is kept out by %s", tt.own, tt.lines, name, v.Rule.Pattern)
			}
		}
	}
}

// A line of another file that names what is guarded is told, until the own file
// names it; one that is included may be synced, and so lifts nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ own, lines, refused, out string }{
		{"", "*.log\n!keep.log\n!node_modules\n!/docs", "", ".git .env"},
		{"", "a\n!.git\n!.env.local", ".botsyncignore:2 .botsyncignore:3", ".git .env.local"},
		{"", "!*", ".botsyncignore:1", ".git .env"},
		{"!.git", "!.git\n!.env", ".botsyncignore:2", ".env"},
		{"!*", "!.git\n!.env\n!*", "", ""},
		{"#include more", "", "more:1", ".git .env"},
		{"!/a/.env\n#include more", "", "more:1", ".git .env"},
	} {
		s := both(t, tt.own, tt.lines)
		var got []string
		for _, r := range s.Refused() {
			got = append(got, r.Source())
		}
		if strings.Join(got, " ") != tt.refused {
			t.Errorf("%q, %q: %q is refused, want %q", tt.own, tt.lines, got, tt.refused)
		}
		for name := range strings.FieldsSeq(tt.out) {
			if !s.Match(name).Ignored {
				t.Errorf("%q, %q: %s is synced", tt.own, tt.lines, name)
			}
		}
	}
}

// Where case does not count, a file of a peer could be taken for the own one.
func TestOwnFileIsNotReceived(t *testing.T) {
	t.Parallel()
	s := both(t, "!*", "!*\n!.stignore")
	for name, want := range map[string]bool{".STIgnore": true, ".stignore": true, "a/.stignore": false, SharedName: false} {
		if got := s.Match(name).Ignored; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// The user's own file is asked before the shared one.
func TestOwnFileFirst(t *testing.T) {
	t.Parallel()
	rules, err := ParseLocal([]byte("!/a.log\nprivate"), nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ParseShared([]byte("*.log\n!private"))
	if err != nil {
		t.Fatal(err)
	}
	s := New(rules, theirs)
	for name, want := range map[string]string{"a.log": "", "b.log": ".botsyncignore:1", "private": ".stignore:2", "private/a": ".stignore:2", ".git": "default"} {
		v, got := s.Match(name), ""
		if v.Ignored {
			got = v.Rule.Source()
		}
		if got != want {
			t.Errorf("%s: kept out by %q, want %q", name, got, want)
		}
	}
}

// .env.* matches every end but those that are made to be shared.
func TestDotEnv(t *testing.T) {
	t.Parallel()
	words := strings.Split(notSecret, ",")
	s := New(nil, nil)
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.OneOf(rapid.SampledFrom(words), rapid.StringMatching(`[a-z]{1,4}`), rapid.StringMatching(`(ex|exa|sampl|templat|dis|default|example|sample)[a-z.]{0,2}`)).Draw(t, "end")
		want := !slices.Contains(words, end)
		if got := s.Match("a/.env." + end).Ignored; got != want {
			t.Fatalf(".env.%s: %v, want %v", end, got, want)
		}
	})
}

// What is precious is so wherever it is, also in what may be deleted.
func TestPrecious(t *testing.T) {
	t.Parallel()
	s := both(t, "!.hg", "*.bak")
	for name, want := range map[string]bool{"a/.git": true, "a/.git/x": true, "a/.env": true, "node_modules/b/.git/x": true, "node_modules/b/.env": true,
		"node_modules/b/index.js": false, "__pycache__": false, "a.bak": false, "a.md": false, "a/.hg": false} {
		if _, got := s.Precious(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// Nothing of these classes goes with a directory that a peer deleted, and what
// does can be made again.
func TestDeletable(t *testing.T) {
	t.Parallel()
	for _, r := range defaults() {
		if want := r.Class == Dependencies || r.Class == VirtualEnv || r.Class == Cache; r.Class != System && r.Deletable != want {
			t.Errorf("%s (%s): %v", r.Pattern, r.Class, r.Deletable)
		}
	}
}

func TestBraces(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"a": "a", "a{b,c}d": "abd acd", "{a,b}{c,}": "ac a bc b", "{}": "", `\{a`: `\{a`, "[{]": "[{]", "{a[,}]b,c}": "a[,}]b c",
		"{": "error", "}": "error", "{a{b}}": "error", `\`: "error", `a\\`: `a\\`, "{1,2,3}{1,2,3}": "error",
	} {
		got, err := expand(line)
		if err != nil {
			got = []string{"error"}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a.md", ".env", "web/node_modules/a/b.js", "web/index.js", "web/.git/config", "logs/a.log", "logs/keep.log", ".stfolder/x"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("12345"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := shared(t, "!/logs/keep.log\n/logs")
	list := func(limit int) (out []string) {
		err := s.List(context.Background(), dir, ".", func(n string) bool { return n == ".stfolder" }, func(e Entry) bool {
			line := e.Path + " " + string(e.Rule.Class)
			if e.Size > 0 {
				line += " 5"
			}
			if e.Dir {
				line += " dir"
			}
			out = append(out, line)
			return len(out) < limit
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := []string{".env secret 5", "logs/a.log pattern 5", "web/.git version_control dir", "web/node_modules dependencies dir"}
	if diff := cmp.Diff(want, list(100)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], list(2)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	n := 0
	for below, want := range map[string]int{"web": 2, "logs/keep.log": 0, "missing": 0} {
		n = 0
		if err := s.List(t.Context(), dir, below, func(string) bool { return false }, func(Entry) bool { n++; return true }); err != nil || n != want {
			t.Errorf("below %s: %d, %v", below, n, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.List(ended, dir, "", func(string) bool { return false }, func(Entry) bool { return true }); err == nil {
		t.Error("the list went on after its end")
	}
}
