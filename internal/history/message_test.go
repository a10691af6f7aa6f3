package history

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const askID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func TestMessagesComeBack(t *testing.T) {
	t.Parallel()
	ask := Ask{Schema: 1, ID: askID, At: at(0), To: []string{"ID"}, Kind: AskVersions, Folders: []string{"shared"}, Path: "a/b", By: agent, Since: at(-5), Limit: 3}
	data, err := json.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseAsk(askID, data); err != nil || !cmp.Equal(ask, got) {
		t.Errorf("%v: %s", err, cmp.Diff(ask, got))
	}
	v := version("a/b", 3, agent, 7)
	v.Mode, v.File = 0o640, "shared/a/"+Name("b", v.Time, agent, false)
	reply := Reply{Schema: 1, ID: askID, Now: at(0), Versions: []Told{Tell(v)}}
	if data, err = json.Marshal(reply); err != nil {
		t.Fatal(err)
	}
	got, err := ParseReply(askID, data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v, got.Versions[0].Version()); d != "" {
		t.Error(d)
	}
}

func TestMessagesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	if _, err := ParseAsk(askID, []byte(`{"id":"`+askID+`","kind":"versions"}`)); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", maxPath+1)
	for _, bad := range []string{
		``, `{`, `[]`, `{"id":"OTHER","kind":"versions"}`, `{"id":"` + askID + `","kind":"delete"}`,
		`{"id":"` + askID + `","kind":"versions","folders":[".long"]}`, `{"id":"` + askID + `","kind":"versions","folders":["../x"]}`,
		`{"id":"` + askID + `","kind":"versions","path":"../x"}`, `{"id":"` + askID + `","kind":"versions","path":"/x"}`,
		`{"id":"` + askID + `","kind":"versions","by":"x"}`, `{"id":"` + askID + `","kind":"versions","limit":-1}`,
		`{"id":"` + askID + `","kind":"restore","items":["../../etc/passwd"]}`, `{"id":"` + askID + `","kind":"restore","items":["` + long + `"]}`,
		`{"id":"` + askID + `","kind":"contents","items":["shared/a","shared/a"]}`,
		`{"id":"` + askID + `","kind":"restore","items":[""` + strings.Repeat(`,""`, MaxItems) + `]}`, strings.Repeat(" ", MaxAskBytes+1),
	} {
		if a, err := ParseAsk(askID, []byte(bad)); err == nil {
			t.Errorf("%.80s: %+v", bad, a)
		}
	}
	name := Name("b", at(0), "", false)
	if _, err := ParseReply(askID, []byte(`{"id":"`+askID+`","items":[{"file":"shared/`+name+`","folder":"shared","path":"b"}]}`)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		``, `{"id":"OTHER"}`, `{"id":"` + askID + `","items":[{"file":"shared/b","folder":"shared","path":"b"}]}`,
		`{"id":"` + askID + `","items":[{"file":"shared/` + name + `","folder":"..","path":"b"}]}`,
		`{"id":"` + askID + `","items":[{"file":"shared/` + name + `","folder":"shared","path":"../b"}]}`,
		`{"id":"` + askID + `","items":[{"file":"shared/` + name + `","folder":"shared","path":"b","size":-1}]}`,
		`{"id":"` + askID + `","bytes":-1}`, `{"id":"` + askID + `","bytes":999999999999}`,
	} {
		if r, err := ParseReply(askID, []byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, r)
		}
	}
}

func FuzzParseAsk(f *testing.F) {
	f.Add([]byte(`{"id":"` + askID + `","kind":"versions","folders":["shared"],"path":"a/b","by":"AGENTAA"}`))
	f.Add([]byte(`{"id":"` + askID + `","kind":"restore","items":["shared/a~20261122T150405.123456Z~-~d"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseAsk(askID, data)
		if err != nil {
			return
		}
		for _, p := range append(a.Items, a.Path) {
			if strings.HasPrefix(p, "/") || strings.Contains("/"+p+"/", "/../") {
				t.Errorf("a path out: %q", p)
			}
		}
	})
}

func FuzzParseReply(f *testing.F) {
	f.Add([]byte(`{"id":"` + askID + `","items":[{"file":"shared/a~20261122T150405.123456Z~-~d","folder":"shared","path":"a"}]}`))
	f.Add([]byte(`{"id":"` + askID + `","items":[{"file":"x","folder":"shared","path":"a","error":"receive_only"}],"bytes":7}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseReply(askID, data)
		if err != nil {
			return
		}
		for _, v := range r.Versions {
			if w := v.Version(); strings.Contains("/"+w.Path+"/", "/../") || v.Mode.Perm() != v.Mode || w.Size < 0 {
				t.Errorf("%+v", w)
			}
		}
	})
}

func TestClockShift(t *testing.T) {
	t.Parallel()
	now := at(0)
	for theirs, want := range map[time.Time]time.Duration{
		now: 0, now.Add(-5 * time.Second): 0, now.Add(5 * time.Second): 0,
		now.Add(-time.Hour): time.Hour, now.Add(2 * time.Minute): -2 * time.Minute,
	} {
		if got := ClockShift(theirs, now); got != want {
			t.Errorf("%s: %s", now.Sub(theirs), got)
		}
	}
}

func TestByFile(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, name := range []string{"a", "dir/b", "dir/" + strings.Repeat("n", 255)} {
		p.write(name, "of "+name)
		p.keep(p.item(name))
	}
	for _, v := range p.find(Query{}) {
		got, err := p.store.ByFile(v.File)
		if err != nil || !cmp.Equal(v, got) {
			t.Errorf("%v: %s", err, cmp.Diff(v, got))
		}
	}
	for _, bad := range []string{"", ".", "..", "shared", "shared/a", "../" + Name("a", p.now, "", false), "shared/" + Name("nothing", p.now, "", false),
		longDir + "/shared/" + Name("nothing", p.now, "", false), longDir + "/../" + Name("a", p.now, "", false), Name("a", p.now, "", false)} {
		if v, err := p.store.ByFile(bad); err == nil {
			t.Errorf("%q: %+v", bad, v)
		}
	}
}
