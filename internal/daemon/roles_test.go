package daemon

import (
	"io"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
)

// The role decides what is receive-only, and nothing else is.
func TestSettingsOfRoles(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	d := &daemon{root: ms.root, members: ms}
	for role, want := range map[api.Role][]string{
		api.RoleNone: nil, api.RoleAgent: {"inbox"}, api.RoleHuman: {"deliverables"},
	} {
		if err := ms.learn(func(k network.Known) error { return k.Say(ms.self, network.FactRole, string(role), ms.self) }); err != nil {
			t.Fatal(err)
		}
		reread(t, ms)
		var got []string
		for _, f := range d.settings().Folders {
			if f.ReceiveOnly {
				got = append(got, f.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q only receives %q", role, got)
		}
		if slices.Contains(want, role.Target()) {
			t.Errorf("%q sends to %q", role, role.Target())
		}
	}
}

// A role that a command gave is in config.toml, so that the file says nothing else
// at the next start; one that a person wrote there stays.
func TestRoleIsKeptInConfig(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	d := &daemon{root: ms.root, members: ms, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	say := func(role api.Role) {
		t.Helper()
		if err := ms.learn(func(k network.Known) error { return k.Say(ms.self, network.FactRole, string(role), phoneID) }); err != nil {
			t.Fatal(err)
		}
		reread(t, ms)
		d.keepRole()
	}
	check := func(configured, told api.Role) {
		t.Helper()
		cfg, err := ms.root.Config()
		m, _, _ := ms.current()
		if err != nil || cfg.Role != configured || m.Role != told {
			t.Errorf("config.toml has %q, %q was told, %v; want %q, %q", cfg.Role, m.Role, err, configured, told)
		}
	}
	say(api.RoleAgent)
	check(api.RoleAgent, api.RoleAgent)
	again := reopened(t, ms)
	if err := again.tellRole(api.RoleAgent); err != nil {
		t.Fatal(err)
	}
	reread(t, again)
	if role := again.role(""); role != api.RoleAgent {
		t.Errorf("after a restart it is %q", role)
	}
	if err := ms.root.UpdateConfig(func(c *root.Config) error { c.Role = api.RoleHuman; return nil }); err != nil {
		t.Fatal(err)
	}
	say(api.RoleNone)
	check(api.RoleHuman, api.RoleNone)
}

func TestLocalChanges(t *testing.T) {
	t.Parallel()
	got := localChanges("inbox", []engine.Slip{{Path: "a", New: true}, {Path: "b"}, {Path: "c", Deleted: true}, {Path: "d", Directory: true, Deleted: true}})
	want := []api.LocalChange{{Path: "inbox/a", Change: api.LocalNew}, {Path: "inbox/b", Change: api.LocalChanged},
		{Path: "inbox/c", Change: api.LocalDeleted}, {Path: "inbox/d/", Change: api.LocalDeleted}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

// Two reverts within a second keep what they take apart.
func TestKeepDir(t *testing.T) {
	t.Parallel()
	d := &daemon{root: founded(t).root}
	now := time.Date(2026, 11, 22, 11, 5, 0, 0, time.Local)
	seen := map[string]bool{}
	for range 3 {
		dir, err := d.keepDir(now)
		if err != nil || seen[dir] {
			t.Fatalf("%s, %v", dir, err)
		}
		seen[dir] = true
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
