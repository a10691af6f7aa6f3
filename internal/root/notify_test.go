package root

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/botsync/botsync/internal/api"
)

var webhookSecret = SecretPrefix + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

var goodTargets = []api.NotifyTarget{
	{Name: "openclaw", Kind: api.NotifyOpenClaw, URL: DefaultOpenClawURL, Token: "s3cr3t/+="},
	{Name: "ops_1", Kind: api.NotifyWebhook, URL: "https://hooks.example.com:8443/x?y=z", Secret: webhookSecret},
	{Name: "exec", Kind: api.NotifyExec, Command: []string{"/bin/sh", "-c", "cat >/dev/null\nexit 0"}, TimeLimit: time.Minute},
}

func TestNotifyTargetsAreKept(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	if got, err := r.NotifyTargets(); err != nil || len(got) != 0 {
		t.Fatalf("a new root has targets: %v, %v", got, err)
	}
	if err := r.SaveNotifyTargets(goodTargets); err != nil {
		t.Fatal(err)
	}
	got, err := r.NotifyTargets()
	if diff := cmp.Diff(goodTargets, got); err != nil || diff != "" {
		t.Fatalf("%v\n%s", err, diff)
	}
	if info, err := os.Stat(r.NotifyPath()); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read the tokens: %v, %v", info.Mode(), err)
	}
	for _, damage := range []string{"", "{", `{"schema":2}`, `{"schema":1,"targets":[{"name":"x","kind":"y"}]}`,
		`{"schema":1,"targets":[{"name":"x","kind":"exec","command":["a"]},{"name":"x","kind":"exec","command":["a"]}]}`} {
		write(t, r.NotifyPath(), damage)
		_, err := r.NotifyTargets()
		if e := wantCode(t, err, api.CodeDamaged); !strings.Contains(e.Message, r.NotifyPath()) {
			t.Errorf("%q: %q does not name the file", damage, e.Message)
		}
	}
	wantCode(t, r.SaveNotifyTargets(make([]api.NotifyTarget, maxTargets+1)), api.CodeUsage)
}

func TestBadTargets(t *testing.T) {
	t.Parallel()
	for _, target := range goodTargets {
		if err := ValidateTarget(target); err != nil {
			t.Errorf("%s: %v", target.Name, err)
		}
	}
	change := func(i int, f func(*api.NotifyTarget)) api.NotifyTarget {
		target := goodTargets[i]
		f(&target)
		return target
	}
	url := func(u string) api.NotifyTarget { return change(0, func(t *api.NotifyTarget) { t.URL = u }) }
	token := func(s string) api.NotifyTarget { return change(0, func(t *api.NotifyTarget) { t.Token = s }) }
	secret := func(s string) api.NotifyTarget { return change(1, func(t *api.NotifyTarget) { t.Secret = s }) }
	command := func(c ...string) api.NotifyTarget { return change(2, func(t *api.NotifyTarget) { t.Command = c }) }
	for name, tc := range map[string]struct {
		target api.NotifyTarget
		says   string
	}{
		"no URL":                {url(""), "the hook"},
		"no URL of a webhook":   {change(1, func(t *api.NotifyTarget) { t.URL = "notaurl" }), "the webhook \"notaurl\""},
		"words":                 {url("not a url"), "space"},
		"no scheme":             {url("127.0.0.1:18789/hooks"), "URL"},
		"ftp":                   {url("ftp://example.com/x"), "does not begin with http"},
		"no host":               {url("http:///hooks/agent"), "names no host"},
		"a port too high":       {url("http://127.0.0.1:99999/"), "port"},
		"a user in the URL":     {url("http://me:pw@127.0.0.1/"), "user name"},
		"a fragment":            {url("http://127.0.0.1/#x"), "#"},
		"a URL of two lines":    {url("http://127.0.0.1/\nX: y"), "space"},
		"a URL without an end":  {url("http://h/" + strings.Repeat("x", maxURL)), "characters"},
		"no token":              {token(""), "empty"},
		"a token of two lines":  {token("s3cr3t\nX-Evil: 1"), "more than one line"},
		"a token with an end":   {token("s3cr3t\r\n"), "more than one line"},
		"a token with control":  {token("s3cr3t\x00"), "control"},
		"a token with a space":  {token("s3cr3t x"), "space"},
		"a token not ASCII":     {token("s3cr3tü"), "ASCII"},
		"a token not UTF-8":     {token("s3cr3t\xff"), "ASCII"},
		"a token without end":   {token(strings.Repeat("s3cr3t", maxToken)), "characters"},
		"a secret of no kind":   {secret("s3cr3t"), "whsec_"},
		"a secret too short":    {secret("whsec_czNjcjN0"), "damaged"},
		"a secret not base64":   {secret("whsec_s3cr3t!"), "damaged"},
		"no command":            {command(), "no command"},
		"an empty program":      {command("", "x"), "no command"},
		"a null":                {command("a", "b\x00"), "null"},
		"a command without end": {command("a", strings.Repeat("x", maxCommand)), "characters"},
		"a time below zero":     {change(2, func(t *api.NotifyTarget) { t.TimeLimit = -1 }), "time limit"},
		"no name":               {change(2, func(t *api.NotifyTarget) { t.Name = "" }), "name"},
		"a name with a slash":   {change(2, func(t *api.NotifyTarget) { t.Name = "a/b" }), "no name"},
		"a name like a flag":    {change(2, func(t *api.NotifyTarget) { t.Name = "-a" }), "no name"},
		"a long name":           {change(2, func(t *api.NotifyTarget) { t.Name = strings.Repeat("x", 65) }), "65"},
		"no kind":               {change(2, func(t *api.NotifyTarget) { t.Kind = "" }), "kind"},
	} {
		e := wantCode(t, ValidateTarget(tc.target), api.CodeUsage)
		if !strings.Contains(e.Message, tc.says) || e.Hint == "" {
			t.Errorf("%s: %q, hint %q", name, e.Message, e.Hint)
		}
		if tc.target.Kind == api.NotifyWebhook && strings.Contains(e.Message+e.Hint, "18789") {
			t.Errorf("%s: that is OpenClaw's: %q, hint %q", name, e.Message, e.Hint)
		}
		if strings.Contains(e.Message+e.Hint, "s3cr3t") {
			t.Errorf("%s: the message gives the secret away: %q", name, e.Message)
		}
	}
}

func TestNotifyFolders(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		folders []string
		role    api.Role
		want    []string
	}{
		{[]string{"default"}, api.RoleAgent, []string{"inbox", "shared"}},
		{[]string{"default"}, api.RoleNone, Folders},
		{[]string{"default"}, api.RoleHuman, Folders},
		{[]string{"none"}, api.RoleAgent, []string{}},
		{[]string{"deliverables"}, api.RoleAgent, []string{"deliverables"}},
	} {
		if got := (Notify{Folders: tc.folders}).NotifyFolders(tc.role); !cmp.Equal(got, tc.want) {
			t.Errorf("%v, role %q: %v, want %v", tc.folders, tc.role, got, tc.want)
		}
	}
}

// Whatever is in notify.json, it is understood whole or refused.
func FuzzNotifyTargets(f *testing.F) {
	for _, targets := range [][]api.NotifyTarget{nil, goodTargets} {
		seed, err := json.Marshal(notifyFile{api.Schema, targets})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Add([]byte(`{"schema":1,"targets":[{"name":"x","kind":"openclaw","url":"http://%","token":"\u0000"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		targets, err := decodeTargets(data)
		for _, target := range targets {
			if err := ValidateTarget(target); err != nil {
				t.Errorf("%v was read, but %v", target, err)
			}
		}
		if err != nil && targets != nil {
			t.Error("an error and targets")
		}
	})
}
