package doctor

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/api"
)

// fill puts a secret into everything that can hold a text, draws the rest, and
// returns the secrets.
func fill(t *rapid.T, v reflect.Value, secret func() string) {
	switch v.Type() {
	case reflect.TypeFor[error]():
		if rapid.Bool().Draw(t, "error") {
			v.Set(reflect.ValueOf(errors.New("open " + secret() + ": permission denied: " + secret())))
		}
		return
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(rapid.Int64Range(0, 2e9).Draw(t, "time"), 0)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), secret)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), secret)
	case reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, "entries")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i), secret)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 2).Draw(t, "entries") {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key, secret)
			fill(t, value, secret)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(secret())
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(rapid.IntRange(-2, 70000).Draw(t, "int")))
	case reflect.Uint64, reflect.Uint32:
		v.SetUint(uint64(rapid.IntRange(0, 1<<30).Draw(t, "uint")))
	default:
		t.Fatalf("nobody knows how to fill a %s", v.Type())
	}
}

// shapes are what a secret can be part of.
var shapes = []string{
	"%s", "/home/%s/sync/shared/%s", "ROOT/%s", "tcp://%s:22010", "https://%s:%s@relay.example.com/%s?token=%s", "%s.example.com:443",
	"https://[%s]:80/", "connection refused: %s", "http://%s", "v1.2.3-%s", "%s permission denied", "folder marker missing %s", "go1.2%s",
	"time=2026-11-22T10:00:00Z level=WARN msg=\"%s\" peer=%s", "time=2026-11-22T10:00:00Z level=INFO msg=starting version=%s pid=%s",
	"time=2026-11-22T10:00:00Z level=INFO msg=starting %s", "msg=stopped msg=%s", "level=%s", "time=%s", "sudo sysctl -w %s=1",
	"time=2026-11-22T10:00:00Z level=INFO msg=starting error=\"open /home/%s: permission denied\"",
}

// Whatever is in the facts, a report has nothing of it but what is known to be
// harmless.
func TestReportHoldsNoSecret(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var secrets []string
		secret := func() string {
			// Letters that no text of this package has in this order, and addresses.
			s := rapid.StringMatching(`(zq[a-z]{3,8}xj|zqÄ[a-z ]{2,5}|192\.0\.2\.[1-9][0-9]|2001:db8::[1-9a-f]{3})`).Draw(t, "secret")
			secrets = append(secrets, s)
			shape := rapid.SampledFrom(shapes).Draw(t, "shape")
			return strings.ReplaceAll(shape, "%s", s)
		}
		var f Facts
		fill(t, reflect.ValueOf(&f).Elem(), secret)
		if rapid.Bool().Draw(t, "no daemon") {
			f.Live = nil
		}
		root := rapid.SampledFrom([]string{f.Root, "/zq/root"}).Draw(t, "root")
		f.Root = root
		report := Examine(f).Report()
		if len(secrets) < 20 {
			t.Fatalf("only %d secrets: this test fills nothing", len(secrets))
		}
		for _, s := range secrets {
			if strings.Contains(strings.ToLower(report), strings.ToLower(s)) {
				t.Fatalf("%q is in the report:\n%s", s, report)
			}
		}
		if strings.Contains(report, "zq") || !strings.Contains(report, "botsync doctor") {
			t.Fatalf("something is left in the report:\n%s", report)
		}
	})
}

// What a report is for is in it.
func TestReportSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := healthy()
	f.Peers[0].Connected = false
	f.Peers[0].Addresses = []Dial{{Address: "tcp://192.168.1.7:22010", At: f.Now, Err: "dial tcp 192.168.1.7:22010: connect: connection refused"}}
	f.Folders[0].Stopped = "folder marker missing (/home/me/sync/shared/.stfolder)"
	f.Folders[2].Failed, f.Folders[2].FailedFiles = 1, []api.FailedFile{{Path: "inbox/plan.md", Code: api.FailedPermission,
		Reason: "this user may not read or write it", Detail: "scan: open /home/me/sync/inbox/plan.md: permission denied", Hint: "Give it the right."}}
	f.Log = []string{
		`time=2026-11-22T10:00:00.123Z level=INFO msg=starting version=v1.2.3 engine=v2.1.2 pid=4711`,
		`time=2026-11-22T10:00:01.123Z level=INFO msg="laptop is connected" peer=laptop device=ABCDEFG`,
		`time=2026-11-22T10:00:02Z level=ERROR msg="applying the device records" error="open /home/me/x: no space left on device"`,
		`panic: /home/me`,
	}
	report := Examine(f).Report()
	for _, want := range []string{
		"botsync  v1.2.3", "engine   Syncthing v2.1.2", "system   linux/amd64", "go       go1.26.8",
		"fail    folder shared: It is not synced: folder marker missing.",
		"warn    peer peer-1: Not connected, last seen 2 min ago. Of 1 address: tcp://[private IPv4]: connection refused.",
		"fail    files inbox: 1 file cannot be synced: [path]: permission denied (permission_denied).\n          fix: Mend the cause; botsync tries again by itself.",
		"2026-11-22T10:00:00Z INFO starting version=v1.2.3 engine=v2.1.2 pid=4711",
		"2026-11-22T10:00:01Z INFO [hidden]",
		`2026-11-22T10:00:02Z ERROR applying the device records error="no space left on device"`,
		"  " + hidden + "\n",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q:\n%s", want, report)
		}
	}
}

func TestAddressesInReports(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"tcp://10.1.2.3:22010":                  "tcp://[private IPv4]",
		"quic://[2001:db8::1]:22010":            "quic://[public IPv6]",
		"192.0.2.1:1":                           "[public IPv4]",
		"[fe80::1]:1":                           "[link-local IPv6]",
		"127.0.0.1:1":                           "[loopback IPv4]",
		"relay://me:pw@relay.example.com/?id=x": "relay://[host name]",
		"exotic://host":                         hidden,
		"0.0.0.0":                               "[any IPv4]",
	} {
		if got := address(in).safe; got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
	if got := address("https://me:pw@relay.example.com/x?token=y").full; got != "https://relay.example.com/x" {
		t.Errorf("in full it is %s", got)
	}
}

// healthy are facts of a root with which nothing is wrong.
func healthy() Facts {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f := Facts{
		Now: now, Command: "v1.2.3", Version: "v1.2.3", Engine: "v2.1.2", Go: "go1.26.8", OS: "linux", Arch: "amd64", Root: "/home/me/sync",
		Daemon:   Daemon{Held: true, Answers: true, Version: "v1.2.3", PID: 4711, Ours: true, Socket: Socket{Path: "/home/me/sync/.botsync/daemon.sock", Exists: true, Mode: 0o600 | socketMode}},
		Config:   Config{Path: "/home/me/sync/.botsync/config.toml", Relay: "https://relay.example.com"},
		Identity: Identity{Dir: "/home/me/sync/.botsync/identity", ID: "SELF", Modes: []FileMode{{"/home/me/sync/.botsync/identity/key.pem", 0o600}}},
		State:    State{Path: "/home/me/sync/.botsync/state.db", Latest: now.Add(-time.Minute)},
		Disk:     Disk{Free: 50 << 30, Total: 100 << 30, Reserve: 1 << 30, VersionsKnown: true, Versions: 1 << 20, VersionsLimit: 10 << 30},
		Member:   Member{Network: true},
		Relay:    Relay{URL: "https://relay.example.com", Tried: true, Took: 12 * time.Millisecond},
		Peers: []Peer{{ID: "PEER", Name: "laptop", Connected: true, Via: api.ViaLAN, Address: "192.168.1.7:22010", LastSeen: now.Add(-2 * time.Minute),
			Engine: "v2.1.2"}},
		Clocks: map[string]PeerClock{"PEER": {Offset{true, -20 * time.Millisecond, 30 * time.Millisecond}, "v1.2.3"}},
		Live: &Live{Port: 22010, Preferred: 22010, Uptime: time.Hour,
			Listeners:  []Listener{{Address: "tcp://0.0.0.0:22010", Mapped: []string{"tcp://198.51.100.7:31234"}}, {Address: "dynamic+https://relays.syncthing.net/endpoint", Relay: true, Found: 1}},
			Discovery:  []Mechanism{{Kind: LAN4, Name: "IPv4"}, {Kind: LAN6, Name: "IPv6"}, {Kind: Global, Name: "global"}},
			Interfaces: []Interface{{Name: "lo", Loopback: true, V4: true}, {Name: "eth0", Multicast: true, V4: true, V6: true}},
			Watch:      Watch{Known: true, Used: 4, Limit: 65536, Instances: 128}},
		Targets: []Target{{Name: "openclaw", Kind: api.NotifyOpenClaw, State: api.NotifyIdle, Delivered: now.Add(-time.Hour)}},
	}
	for _, name := range []string{"shared", "deliverables", "inbox"} {
		f.Folders = append(f.Folders, Folder{Name: name, Path: "/home/me/sync/" + name, State: api.FolderIdle, IgnoredKnown: true})
	}
	return f
}
