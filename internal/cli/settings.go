package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

// The environment variables beside BOTSYNC_ROOT.
const (
	relayEnv = "BOTSYNC_RELAY"
	codeEnv  = "BOTSYNC_CODE"
)

// settings are the flags of init and join that are kept in config.toml.
type settings struct {
	name      string
	role      string
	relay     string
	lanOnly   bool
	discovery []string
	relays    []string

	changed func(flag string) bool
}

func (s *settings) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.name, "name", "", "the `name` under which other devices see this one (default: the host's)")
	f.StringVar(&s.role, "role", "", "what this device is for: agent (only receives what is in inbox/) or human (only receives what is in deliverables/)")
	f.StringVar(&s.relay, "relay", "", "the `URL` of a pairing relay, used while devices find each other (env BOTSYNC_RELAY)")
	f.BoolVar(&s.lanOnly, "lan-only", false, "let nothing leave the local network")
	f.StringArrayVar(&s.discovery, "discovery-server", nil, "a Syncthing discovery server instead of the public ones: a `URL`, or none; repeatable")
	f.StringArrayVar(&s.relays, "syncthing-relay", nil, "a Syncthing relay instead of the public ones: a `URL`, or none; repeatable")
	s.changed = f.Changed
}

// apply changes c as far as flags were given.
func (s *settings) apply(c *root.Config) {
	if s.changed("name") {
		c.Name = s.name
	}
	if s.changed("role") {
		c.Role = api.Role(s.role)
	}
	if s.changed("relay") {
		c.Relay = s.relay
	}
	if s.changed("lan-only") {
		c.LANOnly = s.lanOnly
	}
	if s.changed("discovery-server") {
		c.DiscoveryServers = s.discovery
	}
	if s.changed("syncthing-relay") {
		c.SyncthingRelays = s.relays
	}
}

// any reports whether a flag of these was given.
func (s *settings) any() bool {
	for _, flag := range []string{"name", "role", "relay", "lan-only", "discovery-server", "syncthing-relay"} {
		if s.changed(flag) {
			return true
		}
	}
	return false
}

// config is that of a new root.
func (s *settings) config() root.Config {
	c := root.Config{Name: root.DefaultName()}
	s.apply(&c)
	return c
}

// checkRelay refuses a relay that cannot be one, before anything is made.
func checkRelay(flag string, lanOnly bool) error {
	for _, relay := range []string{flag, os.Getenv(relayEnv)} {
		if relay != "" {
			if err := root.ValidateRelay(relay); err != nil {
				return err
			}
		}
	}
	if flag != "" && lanOnly {
		return usage("Leave one of them out.", "a relay leaves the local network, so --relay and --lan-only do not go together")
	}
	return nil
}

// pairingRelay is the relay for this invite or join: flag, then environment.
// That of config.toml the daemon knows. What stands in the environment is for
// all roots, so one that stays on its local network ignores it.
func pairingRelay(r *root.Root, flag string) (string, error) {
	relay := os.Getenv(relayEnv)
	if flag != "" || relay == "" {
		return flag, nil
	}
	cfg, err := r.Config()
	if err != nil || cfg.LANOnly {
		return "", err
	}
	return relay, nil
}

// update writes the flags that were given to the config.toml of a root that
// existed before, and reports whether that changed anything. undo writes back
// what was there.
func (a *app) update(r *root.Root, s *settings) (changed bool, undo func() error, err error) {
	undo = func() error { return nil }
	if !s.any() {
		return false, undo, nil
	}
	before, err := r.Config()
	if err != nil {
		return false, undo, err
	}
	var old, now []byte
	if old, err = before.Encode(); err != nil {
		return false, undo, err
	}
	after := before
	s.apply(&after)
	if now, err = after.Encode(); err != nil {
		return false, undo, err
	}
	if string(old) == string(now) {
		return false, undo, nil
	}
	set := func(to root.Config) error {
		return r.UpdateConfig(func(c *root.Config) error { *c = to; return nil })
	}
	return true, func() error { return set(before) }, set(after)
}

// restart makes a running daemon read its settings again.
func (a *app) restart(ctx context.Context, r *root.Root) error {
	_, was, err := a.stopDaemon(ctx, r)
	if err == nil && was {
		a.term.Say("Restarting the daemon, so that it takes on the new settings.")
	}
	return err
}
