package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/conflict"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
	"github.com/botsync/botsync/internal/root"
)

var (
	deviceHere  = api.Device{ID: "HERE", Name: "here"}
	deviceThere = api.Device{ID: "THERE", Name: "th\u202eere"}
)

// versionsOf makes a conflict of versions by this device (m), another (t) and an
// unknown one (?); the first is the current one, in capitals if it is a deletion.
func versionsOf(by string) *inConflict {
	c := &inConflict{folder: "shared", path: "a.txt"}
	for i, r := range by {
		v := version{path: "a.txt", current: i == 0, known: true, file: engine.File{Size: 3, Modified: time.Unix(int64(i), 0)}}
		if i > 0 {
			v.path = conflict.Make("a.txt", time.Unix(int64(i), 0), "AAAAAAA")
		}
		switch r {
		case 'm', 'M':
			v.author, v.mine = &deviceHere, true
		case 't', 'T':
			v.author = &deviceThere
		}
		v.file.Deleted = r == 'M' || r == 'T'
		c.versions = append(c.versions, v)
	}
	return c
}

func TestPlanOfAResolution(t *testing.T) {
	t.Parallel()
	directory := versionsOf("tm")
	directory.versions[0].file.Directory = true
	for what, test := range map[string]struct {
		c      *inConflict
		keep   string
		device string
		role   api.Role
		want   int
		code   string
		says   string
	}{
		"mine":                       {c: versionsOf("tm"), keep: api.KeepMine, want: 1},
		"theirs":                     {c: versionsOf("tm"), keep: api.KeepTheirs, want: 0},
		"both":                       {c: versionsOf("tm"), keep: api.KeepBoth, want: -1},
		"a device":                   {c: versionsOf("tm"), device: "HERE", want: 1},
		"mine is the deletion":       {c: versionsOf("Mt"), keep: api.KeepMine, want: 0},
		"neither is mine":            {c: versionsOf("tt"), keep: api.KeepMine, code: api.CodeAmbiguous, says: `none of the versions of shared/a.txt is meant: the current one is by "th`},
		"both are mine":              {c: versionsOf("mm"), keep: api.KeepMine, code: api.CodeAmbiguous, says: "several versions of shared/a.txt are meant: the current one is by this device, a.sync-conflict-"},
		"two are theirs":             {c: versionsOf("mt?"), keep: api.KeepTheirs, code: api.CodeAmbiguous, says: "by an unknown device"},
		"the newest of three":        {c: versionsOf("mtt"), keep: api.KeepNewest, want: 2},
		"in place of a directory":    {c: directory, keep: api.KeepMine, code: api.CodeAmbiguous, says: "is no file now"},
		"beside a directory":         {c: directory, keep: api.KeepBoth, want: -1},
		"where nothing is sent from": {c: &inConflict{folder: "inbox", path: "a"}, keep: api.KeepBoth, role: api.RoleAgent, code: api.CodeReceiveOnly, says: "inbox/ is receive-only"},
	} {
		got, err := test.c.plan(test.keep, conflict.Choice{Keep: test.keep, Device: test.device}, test.role)
		var e *api.Error
		switch {
		case test.code == "" && (err != nil || got != test.want):
			t.Errorf("%s: %d, %v; want %d", what, got, err, test.want)
		case test.code != "" && (!errors.As(err, &e) || e.Code != test.code || !strings.Contains(e.Message, test.says)):
			t.Errorf("%s: %v; want %s: %s", what, err, test.code, test.says)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		by     string
		keep   int
		before map[string]string // beside the versions
		want   map[string]string
		kept   int // versions in the history
		placed []string
		code   string
	}{
		"the current one":             {by: "tm", keep: 0, want: map[string]string{"a.txt": "0.."}, kept: 1},
		"a copy":                      {by: "tm", keep: 1, want: map[string]string{"a.txt": "1.."}, kept: 1},
		"one of three":                {by: "tmt", keep: 2, want: map[string]string{"a.txt": "2.."}, kept: 2},
		"the copy of what is deleted": {by: "Tm", keep: 1, want: map[string]string{"a.txt": "1.."}},
		"the deletion":                {by: "Tm", keep: 0, want: map[string]string{}, kept: 1},
		"both": {by: "tm", keep: -1, want: map[string]string{"a.txt": "0..", "a-here-19700101-000001.txt": "1.."},
			placed: []string{"shared/a-here-19700101-000001.txt"}},
		"both, the name is taken": {by: "tm", keep: -1, before: map[string]string{"a-here-19700101-000001.txt": "mine"},
			want:   map[string]string{"a.txt": "0..", "a-here-19700101-000001.txt": "mine", "a-here-19700101-000001-2.txt": "1.."},
			placed: []string{"shared/a-here-19700101-000001-2.txt"}},
		"both, another was faster": {by: "tm", keep: -1, before: map[string]string{"a-here-19700101-000001.txt": "1.."}, kept: 1,
			want: map[string]string{"a.txt": "0..", "a-here-19700101-000001.txt": "1.."}, placed: []string{"shared/a-here-19700101-000001.txt"}},
		"both, one is deleted": {by: "Tm?", keep: -1, want: map[string]string{"a.txt": "1..", "a-other-19700101-000002.txt": "2.."},
			placed: []string{"shared/a.txt", "shared/a-other-19700101-000002.txt"}},
		"it has changed":          {by: "tm", keep: 1, before: map[string]string{"a.txt": "longer"}, code: api.CodeChanged},
		"it is there, though not": {by: "Tm", keep: 1, before: map[string]string{"a.txt": "new"}, code: api.CodeChanged},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, _, err := root.Create(filepath.Join(t.TempDir(), "r"), root.Config{Name: "here"})
			if err != nil {
				t.Fatal(err)
			}
			c := versionsOf(test.by)
			files := map[string]string{}
			for i, v := range c.versions {
				if !v.deleted() {
					files[v.path] = string(rune('0'+i)) + ".."
				}
			}
			for name, text := range test.before {
				files[name] = text
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(r.Folder("shared"), name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, v := range c.versions {
				if !v.deleted() {
					if err := os.Chtimes(filepath.Join(r.Folder("shared"), v.path), v.file.Modified, v.file.Modified); err != nil {
						t.Fatal(err)
					}
				}
			}
			kept := 0
			d := &daemon{root: r, history: history.NewStore(t.TempDir(), func(int64) { kept++ }), clock: rightClock(t), members: &members{}}
			done, _, err := d.resolve(c, test.keep)
			if test.code != "" {
				var e *api.Error
				if !errors.As(err, &e) || e.Code != test.code {
					t.Errorf("%v", err)
				}
				test.want = files // all is as it was
			} else if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			entries, _ := os.ReadDir(r.Folder("shared"))
			for _, e := range entries {
				if e.Type().IsRegular() {
					data, _ := os.ReadFile(filepath.Join(r.Folder("shared"), e.Name()))
					got[e.Name()] = string(data)
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("%q", got)
			}
			for name, want := range test.want {
				if got[name] != want {
					t.Errorf("%s is %q, want %q", name, got[name], want)
				}
			}
			if test.code == "" && (kept != test.kept || strings.Join(done.Placed, " ") != strings.Join(test.placed, " ")) {
				t.Errorf("%d kept, placed %q", kept, done.Placed)
			}
		})
	}
}

// A name alone does not say who made a version, if somebody has written to it since.
func TestWhoMadeAVersion(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 10, 11, 12, 0, time.UTC)
	n, _ := conflict.Parse(conflict.Make("a.txt", at, "AAAAAAA"))
	if got := madeBy(n, engine.File{Modified: at.Add(300 * time.Millisecond), ModifiedBy: "BBBBBBB"}); got != "AAAAAAA" {
		t.Error(got)
	}
	if got := madeBy(n, engine.File{Modified: at.Add(time.Second), ModifiedBy: "BBBBBBB"}); got != "BBBBBBB" {
		t.Error(got)
	}
}

// What is compared is bounded: nothing is read that the index tells, that is too large,
// or for which there is no room in the answer.
func TestDiffReadsWhatItShows(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	dir, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	large := strings.Repeat("x\n", maxDiffed/2+1)
	at := time.Unix(1_700_000_000, 5)
	for name, text := range map[string]string{"small": "x\n", "same": "x\n", "other": "y\n", "binary": "\x00\n", "large": large, "large too": large} {
		if err := errors.Join(os.WriteFile(filepath.Join(path, name), []byte(text), 0o600), os.Chtimes(filepath.Join(path, name), at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("small", filepath.Join(path, "link")); err != nil {
		t.Fatal(err)
	}
	all := diffRoom{text: maxDiffs, read: maxDiffRead}
	for what, test := range map[string]struct {
		current, copied string
		room            diffRoom
		why             string
		same            bool
		text            string
		read            int64
	}{
		"text":               {"small", "other", all, "", false, "-x\n+y\n", 4},
		"the same":           {"small", "same", all, "", true, "", 4},
		"binary":             {"small", "binary", all, "binary", false, "", 4},
		"large":              {"small", "large", all, "large", false, "", 0},
		"two that are large": {"large", "large too", all, "large", false, "", 0},
		"a link":             {"small", "link", all, "unreadable", false, "", 0},
		"gone":               {"gone", "small", all, "unreadable", false, "", 0},
		"no room to read":    {"small", "other", diffRoom{text: maxDiffs, read: 3}, "limit", false, "", 0},
		"no room for text":   {"small", "other", diffRoom{text: 3, read: maxDiffRead}, "limit", false, "", 4},
	} {
		of := func(p string) version {
			return version{path: p, known: true, file: engine.File{Size: 2, Modified: at}}
		}
		c := &inConflict{folder: "shared", path: test.current, versions: []version{of(test.current), of(test.copied)}}
		room := test.room
		got := c.diff(dir, c.versions[1], &room)
		if got.Why != test.why || got.Same != test.same || !strings.HasSuffix(got.Diff, test.text) || (got.Diff == "") != (test.text == "") ||
			test.room.read-room.read != test.read || (got.CopySHA256 != "") != (test.read > 0) {
			t.Errorf("%s: %+v, %d bytes read", what, got, test.room.read-room.read)
		}
	}
	var sum string
	if _, err := readVersion(strings.NewReader(large), &sum); !errors.Is(err, errLarge) || sum != "" {
		t.Errorf("what has grown meanwhile: %v", err)
	}
	for b, want := range map[string]bool{"same": true, "other": false, "large": false, "link": false, "gone": false, ".": false, "../x": false} {
		if got := same(dir, "small", b); got != want {
			t.Errorf("small and %s are the same: %v", b, got)
		}
	}
	if !same(dir, "large", "large too") {
		t.Error("two that are large are not the same")
	}
	for text, want := range map[string]bool{"a\tä\n": true, "a\x00": false, "\xff": false} {
		if isText([]byte(text)) != want {
			t.Errorf("%q", text)
		}
	}
}
