package conflict

import (
	"path"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 10, 11, 12, 0, time.UTC)
	for p, want := range map[string]Name{
		"report.sync-conflict-20261122-101112-I3FSKGD.md":  {Base: "report.md", Time: at, Device: "I3FSKGD"},
		"a/b.tar.sync-conflict-20261122-101112-I3FSKGD.gz": {Base: "a/b.tar.gz", Time: at, Device: "I3FSKGD"},
		"a/b.sync-conflict-20261122-101112-I3FSKGD":        {Base: "a/b", Time: at, Device: "I3FSKGD"},
		".sync-conflict-20261122-101112-I3FSKGD.bashrc":    {Base: ".bashrc", Time: at, Device: "I3FSKGD"},
		"b.sync-conflict-20261122-101112-I3FSKGD.":         {Base: "b.", Time: at, Device: "I3FSKGD"},
		// The copy of a copy.
		"r.sync-conflict-20250101-000000-AAAAAAA.sync-conflict-20261122-101112-I3FSKGD.md": {
			Base: "r.sync-conflict-20250101-000000-AAAAAAA.md", Time: at, Device: "I3FSKGD"},
	} {
		got, ok := Parse(p)
		want.path = p
		if !ok || got != want {
			t.Errorf("%s: %+v, %v", p, got, ok)
		}
		if !got.Of(want.Base) || got.Of("another") {
			t.Errorf("%s is not told from the copy of another file", p)
		}
	}
	for _, p := range []string{
		"", "report.md", "report.sync-conflict-.md", "report.sync-conflict-20261122-101112-I3FSKG.md",
		"report.sync-conflict-20261122-101112-I3FSKGDX.md", "report.sync-conflict-20261322-101112-I3FSKGD.md",
		"report.sync-conflict-20261122-251112-I3FSKGD.md", "report.sync-conflict-20261122-101112-i3fskgd.md",
		"report.sync-conflict-20261122-101112-I3FSKGD.tar.gz", "a.sync-conflict-20261122-101112-I3FSKGD.md/b",
		".sync-conflict-20261122-101112-I3FSKGD", "..sync-conflict-20261122-101112-I3FSKGD",
		"a.md.sync-conflict-20261122-101112-I3FSKGD", "report.sync-conflict-20261122 101112-I3FSKGD.md",
	} {
		if n, ok := Parse(p); ok {
			t.Errorf("%s is taken for a conflict copy: %+v", p, n)
		}
	}
}

func TestOriginal(t *testing.T) {
	t.Parallel()
	for p, want := range map[string]string{
		"a/r.sync-conflict-20261122-101112-I3FSKGD.md":                                       "a/r.md",
		"a/r.sync-conflict-20250101-000000-AAAAAAA.sync-conflict-20261122-101112-I3FSKGD.md": "a/r.md",
	} {
		n, _ := Parse(p)
		if got := n.Original(); got.Base != want || !got.Of(want) {
			t.Errorf("%s: %+v", p, got)
		}
	}
}

// Whatever the file is called, its copy is found again, has a name that the file
// system takes, and is taken for the copy of no other file.
func TestMake(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-zä日.~-]{1,255}`)
		draw := func(label string) string {
			n := name.Draw(t, label)
			for len(n) > maxName {
				_, size := utf8.DecodeLastRuneInString(n)
				n = n[:len(n)-size]
			}
			return "d/" + n
		}
		file, other := draw("file"), draw("other")
		at := time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "time"), 5)
		p := Make(file, at, "I3FSKGD")
		n, ok := Parse(p)
		switch {
		case !ok:
			t.Fatalf("%q is not read", p)
		case len(path.Base(p)) > maxName || !utf8.ValidString(p):
			t.Fatalf("%q is no name: %d bytes", p, len(path.Base(p)))
		case !n.Of(file) || file != other && n.Of(other):
			t.Fatalf("%q: of %q %v, of %q %v", p, file, n.Of(file), other, n.Of(other))
		case !strings.HasPrefix(file, n.Beginning()) && n.Base != file:
			t.Fatalf("%q does not begin with %q", file, n.Beginning())
		case !n.Time.Equal(at.Truncate(time.Second)) || n.Device != "I3FSKGD":
			t.Fatalf("%+v", n)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("report.sync-conflict-20261122-101112-I3FSKGD.md")
	f.Add(strings.Repeat("x", 200) + "~0123abcd.sync-conflict-20261122-101112-I3FSKGD")
	f.Fuzz(func(t *testing.T, p string) {
		n, ok := Parse(p)
		if !ok {
			return
		}
		if path.Dir(n.Base) != path.Dir(p) || !strings.HasPrefix(n.Base, n.Beginning()) {
			t.Errorf("%q: %+v", p, n)
		}
		if again := Make(n.Base, n.Time, n.Device); len(path.Base(p)) <= maxName && !n.Short && again != p {
			t.Errorf("%q is read as that of %q, whose copy is %q", p, n.Base, again)
		}
		n.Original()
	})
}

func TestBeside(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 10, 11, 12, 0, time.UTC)
	for _, test := range []struct {
		file, device string
		n            int
		want         string
	}{
		{"a/report.md", "laptop", 1, "a/report-laptop-20261122-101112.md"},
		{"a/report.md", "laptop", 2, "a/report-laptop-20261122-101112-2.md"},
		{"Makefile", "Eva's phone", 1, "Makefile-Eva-s-phone-20261122-101112"},
		{".bashrc", "../\x1b[31m", 1, ".bashrc-31m-20261122-101112"},
		{"a.tar.gz", "日本", 1, "a.tar-other-20261122-101112.gz"},
	} {
		if got := Beside(test.file, at, test.device, test.n); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		file := rapid.StringMatching(`[a-z.]{1,255}`).Draw(t, "file")
		got := Beside("d/"+file, at, rapid.String().Draw(t, "device"), rapid.IntRange(1, 10).Draw(t, "n"))
		if _, isCopy := Parse(got); isCopy || path.Dir(got) != "d" || len(path.Base(got)) > maxName || got == "d/"+file {
			t.Fatalf("%q", got)
		}
	})
}
