package root

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/api"
)

func TestConfigRoundTrip(t *testing.T) {
	t.Parallel()
	servers := func(urls ...string) *rapid.Generator[Servers] {
		return rapid.OneOf(
			rapid.Just(Servers{ServersDefault}), rapid.Just(Servers{ServersNone}),
			rapid.Map(rapid.SliceOfN(rapid.SampledFrom(append(urls, ServersDefault)), 1, 4), func(s []string) Servers { return s }))
	}
	rapid.Check(t, func(t *rapid.T) {
		want := Config{
			Name:             rapid.String().Filter(func(s string) bool { return ValidateName(s) == nil }).Draw(t, "name"),
			Role:             rapid.SampledFrom([]api.Role{api.RoleNone, api.RoleAgent, api.RoleHuman}).Draw(t, "role"),
			Relay:            rapid.SampledFrom([]string{"", "https://relay.example.com", "ws://[::1]:8080/x", "relay.example.com:8080"}).Draw(t, "relay"),
			LANOnly:          rapid.Bool().Draw(t, "lan_only"),
			DiscoveryServers: servers("https://d.example/?id=ABC&insecure", `https://d.example/"\`).Draw(t, "discovery"),
			SyncthingRelays:  servers("relay://10.0.0.1:22067/?id=X", "dynamic+https://r.example/endpoint").Draw(t, "relays"),
			MCP: MCP{
				AllowInvite: rapid.Bool().Draw(t, "allow_invite"),
				SendFrom:    rapid.SliceOf(rapid.SampledFrom([]string{filepath.FromSlash("/srv/out"), "~", "~/a b\"c\\"})).Draw(t, "send_from"),
			},
			Notify: Notify{
				Folders:    rapid.SampledFrom([][]string{{"default"}, {"none"}, {"inbox"}, {"shared", "inbox"}}).Draw(t, "folders"),
				Include:    rapid.SliceOfN(rapid.SampledFrom([]string{"*.pdf", `a\\*"b`, "inbox/**/x?"}), 0, 3).Draw(t, "include"),
				Exclude:    rapid.SliceOfN(rapid.SampledFrom([]string{"*.tmp", "{a,b}", "[x-z]"}), 0, 3).Draw(t, "exclude"),
				Debounce:   Duration(rapid.Int64Range(0, int64(maxNotifyWait)).Draw(t, "debounce")),
				MaxWait:    Duration(rapid.Int64Range(0, int64(maxNotifyWait)).Draw(t, "max_wait")),
				MaxPerHour: rapid.IntRange(0, maxPerHour).Draw(t, "max_per_hour"),
			},
			History: History{Days: rapid.IntRange(1, maxHistoryDays).Draw(t, "days"), MaxSize: rapid.SampledFrom([]string{"", "2GB", "500 MiB"}).Draw(t, "max_size")},
			Brake: Brake{
				Enabled: rapid.Bool().Draw(t, "brake"),
				Files:   rapid.IntRange(1, maxBrakeFiles).Draw(t, "files"),
				Share:   rapid.Float64Range(0, 1).Draw(t, "share"),
			},
			Merge: Merge{AppendOnly: rapid.SliceOfN(rapid.SampledFrom([]string{"*.jsonl", "shared/**/x?"}), 0, 3).Draw(t, "append_only")},
		}
		data, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeConfig("config.toml", data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	got, err := decodeConfig("config.toml", nil)
	want := Config{Name: DefaultName(), DiscoveryServers: Servers{"default"}, SyncthingRelays: Servers{"default"}, Notify: defaultNotify(),
		History: History{Days: DefaultHistoryDays}, Brake: defaultBrake()}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := decodeConfig("config.toml", []byte(`relay = " https://relay.example.com\n"`)); err != nil || got.Relay != "https://relay.example.com" {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = decodeConfig("config.toml", []byte("discovery_servers = []\nsyncthing_relays = [\"none\"]"))
	if err != nil || !got.DiscoveryServers.None() || !got.SyncthingRelays.None() || got.SyncthingRelays.URLs() != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestConfigErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, message, hint string }{
		{"misspelt", "name = \"x\"\nlan-only = true", "line 2: there is no setting \"lan-only\"", "Did you mean lan_only?"},
		{"unknown", "\n\ncolour = \"red\"", "line 3: there is no setting \"colour\"", "The settings are name"},
		{"a table", "[engine]\nx = 1", "\"engine\"", "The settings are"},
		{"no TOML", "name = \"x\"\nrole =", "line 2", "Correct that line"},
		{"wrong type", "lan_only = \"yes\"", "line 1", "Correct that line"},
		{"twice", "name = \"x\"\nname = \"y\"", "line 2", "Correct that line"},
		{"role", `role = "robot"`, `"robot"`, "agent"},
		{"relay", `relay = "gopher://relay.example.com"`, "scheme is gopher", "https://relay.example.com"},
		{"relay without host", `relay = "https://"`, "no host", "https://relay.example.com"},
		{"relay with a user", `relay = "https://u:p@h"`, "user name", "https://"},
		{"relay with an impossible port", `relay = "https://h:99999"`, "port", "https://"},
		{"relay with a query", `relay = "https://h/?as=host"`, "query", "https://"},
		{"relay over several lines", `relay = "https://h\n/x"`, "control character", "https://"},
		{"discovery", `discovery_servers = ["tcp://x"]`, "discovery server", "https://discovery.example.com"},
		{"none and more", `syncthing_relays = ["none", "default"]`, "none", "either"},
		{"a table's", "[mcp]\nallow_invit = true", "line 2: there is no setting \"mcp.allow_invit\"", "Did you mean mcp.allow_invite?"},
		{"relative", "[mcp]\nsend_from = [\"out\"]", "\"out\"", "absolute"},
		{"unseen", "[mcp]\nsend_from = [\"/x\\u001b\"]", "cannot be shown", "directory"},
		{"notify misspelt", "[notify]\ndebounc = \"1s\"", "line 2: there is no setting \"notify.debounc\"", "Did you mean notify.debounce?"},
		{"notify folder", "[notify]\nfolders = [\"inbx\"]", "inbx", "deliverables"},
		{"notify folders", "[notify]\nfolders = [\"none\", \"inbox\"]", "none", "alone"},
		{"notify pattern", "[notify]\nexclude = [\"[\"]", "no pattern", "*.pdf"},
		{"notify time", "[notify]\ndebounce = \"2\"", "line 2", "Correct that line"},
		{"notify time below zero", "[notify]\nmax_wait = \"-2s\"", "max_wait -2s", "10s"},
		{"notify limit", "[notify]\nmax_per_hour = -1", "max_per_hour -1", "0 for no limit"},
		{"control", `name = "a\u001b[31m"`, "U+001B", "laptop"},
		{"bidi", `name = "a\u202e"`, "U+202E", "laptop"},
		{"zero width", `name = "a\u200bb"`, "U+200B", "laptop"},
		{"long", `name = "` + strings.Repeat("x", 65) + `"`, "64", "laptop"},
		{"spaces", `name = " x"`, "space", "laptop"},
		{"not UTF-8", "name = \"\xff\"", "line 1", "Correct that line"},
		{"binary", "\x00\x01\x02", "line 1", "Correct that line"},
	} {
		_, err := decodeConfig("/x/config.toml", []byte(tc.text))
		e := wantCode(t, err, api.CodeBadConfig)
		if !strings.HasPrefix(e.Message, "/x/config.toml") || !strings.Contains(e.Message, tc.message) || !strings.Contains(e.Hint, tc.hint) {
			t.Errorf("%s: %q, hint %q", tc.name, e.Message, e.Hint)
		}
	}
}

func TestUpdateConfig(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	if err := r.UpdateConfig(func(c *Config) error { c.LANOnly = true; return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := r.Config()
	if err != nil || !got.LANOnly || got.Name != "laptop" {
		t.Errorf("%+v, %v", got, err)
	}
	before := tree(t, r.Dir())
	err = r.UpdateConfig(func(c *Config) error { c.Name = "\x00"; return nil })
	wantCode(t, err, api.CodeBadConfig)
	if diff := cmp.Diff(before, tree(t, r.Dir())); diff != "" {
		t.Errorf("a change that was refused left something:\n%s", diff)
	}
}

func TestDamagedConfigIsNotReplaced(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	write(t, r.ConfigPath(), "\x00")
	_, err := r.Config()
	wantCode(t, err, api.CodeBadConfig)
	err = r.UpdateConfig(func(*Config) error { return nil })
	wantCode(t, err, api.CodeBadConfig)
	create(t, r.Dir())
	if data, err := os.ReadFile(r.ConfigPath()); err != nil || string(data) != "\x00" {
		t.Errorf("the file is now %q, %v", data, err)
	}
	if err := os.Truncate(r.ConfigPath(), maxConfig+1); err != nil {
		t.Fatal(err)
	}
	_, err = r.Config()
	wantCode(t, err, api.CodeDamaged)
}

func TestCleanHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"laptop": "laptop", "box.example.com": "box", "": "botsync", "localhost": "botsync", "localhost.localdomain": "botsync",
		"a\x1bb\u202ec": "abc", "\xff\xfe": "botsync", strings.Repeat("ü", 70): strings.Repeat("ü", 64), ".x": "botsync",
	} {
		got := cleanHost(host)
		if got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
		if err := ValidateName(got); err != nil {
			t.Errorf("%q: %v", host, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if err := ValidateName(cleanHost(rapid.String().Draw(t, "host"))); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever a person leaves in config.toml, it is understood or refused with a
// message, and what is understood can be written and read again.
func FuzzConfig(f *testing.F) {
	text, err := laptop.Encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", string(text), "name=1", "[[name]]", "relay='http://%'", "discovery_servers=[1]", "x.y.z=1", "[notify]\nfolders=[]\ndebounce='1h'\ninclude=['**']", "[notify]", "name=\"\"\"\n\"\"\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeConfig("config.toml", data)
		if err != nil {
			wantCode(t, err, api.CodeBadConfig)
			return
		}
		again, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeConfig("config.toml", again); err != nil || !cmp.Equal(got, c, cmpopts.EquateEmpty()) {
			t.Fatalf("%+v became %+v, %v", c, got, err)
		}
	})
}
