package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
)

const (
	selfID = "I3FSKGD-OLIFWER-TAOGTN4-CJIEIHS-RVOF6VQ-NTE6RVI-OA72ZKA-V5PANQB"
	peerID = "33L4RMI-DIVHRX7-BLMYYYC-C4GAIOX-DWHPKWL-HVOMZLA-PAZFVDY-O6RADAY"
)

func configure(t *testing.T, s Settings) config.Configuration {
	t.Helper()
	self, err := protocol.DeviceIDFromString(selfID)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := configuration(self, 12345, s)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestNobodyElseIsTold(t *testing.T) {
	t.Parallel()
	for _, lanOnly := range []bool{true, false} {
		cfg := configure(t, Settings{LANOnly: lanOnly})
		o := cfg.Options
		if cfg.GUI.Enabled || o.URAccepted >= 0 || o.URURL != "" || o.CREnabled || o.CRURL != "" ||
			o.AutoUpgradeIntervalH != 0 || o.ReleasesURL != "" || o.StartBrowser {
			t.Errorf("something is on that must be off: %+v", o)
		}
	}
}

func TestLANOnlyTurnsOffEverythingThatLeaves(t *testing.T) {
	t.Parallel()
	o := configure(t, Settings{LANOnly: true, DiscoveryServers: []string{"https://discovery.example.org"}, Relays: []string{"relay://192.0.2.1:22067"}}).Options
	if o.GlobalAnnEnabled || len(o.RawGlobalAnnServers) > 0 || o.RelaysEnabled || o.NATEnabled ||
		len(o.RawStunServers) > 0 || o.StunKeepaliveStartS != 0 {
		t.Errorf("something leaves the local network: %+v", o)
	}
	if !o.LocalAnnEnabled {
		t.Error("local discovery is off")
	}
	for _, a := range o.RawListenAddresses {
		if !strings.HasPrefix(a, "tcp://") && !strings.HasPrefix(a, "quic://") {
			t.Errorf("listens at %s", a)
		}
	}
}

func TestServers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given     Settings
		global    bool
		discovery []string
		relays    bool
		listen    string // the relay part of the listeners
	}{
		"the public ones": {Settings{}, true, []string{"default"}, true, "dynamic+https://relays.syncthing.net/endpoint"},
		"the public ones by name": {Settings{DiscoveryServers: []string{Default}, Relays: []string{Default}},
			true, []string{"default"}, true, "dynamic+https://relays.syncthing.net/endpoint"},
		"others": {Settings{DiscoveryServers: []string{"https://d.example.org"}, Relays: []string{"relay://r.example.org:1"}},
			true, []string{"https://d.example.org"}, true, "relay://r.example.org:1"},
		"none": {Settings{DiscoveryServers: []string{None}, Relays: []string{None}}, false, []string{None}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := configure(t, test.given).Options
			if o.GlobalAnnEnabled != test.global || o.RelaysEnabled != test.relays {
				t.Errorf("discovery %t, relays %t", o.GlobalAnnEnabled, o.RelaysEnabled)
			}
			if test.global && !slices.Equal(o.RawGlobalAnnServers, test.discovery) {
				t.Errorf("discovery servers %q", o.RawGlobalAnnServers)
			}
			if stun := o.StunKeepaliveStartS != 0; stun != slices.Contains(test.discovery, Default) {
				t.Errorf("STUN %t", stun)
			}
			var listen string
			for _, a := range o.RawListenAddresses {
				if strings.Contains(a, "relay") {
					listen += a
				}
			}
			if listen != test.listen {
				t.Errorf("listens at %q, want %q", listen, test.listen)
			}
		})
	}
}

func TestFoldersAndPeers(t *testing.T) {
	t.Parallel()
	cfg := configure(t, Settings{
		Name:    "me",
		Folders: []Folder{{ID: "n-shared", Name: "shared", Path: "/r/shared"}},
		Peers: []Peer{
			{ID: selfID, Name: "me again"},
			{ID: peerID, Name: "peer", Addresses: []string{"tcp://192.0.2.1:1", "file:///etc/passwd", "http://x", "\x00"}},
		},
	})
	if len(cfg.Devices) != 2 || len(cfg.Folders) != 1 {
		t.Fatalf("%d devices and %d folders", len(cfg.Devices), len(cfg.Folders))
	}
	peer := cfg.Devices[1]
	if peer.Introducer || peer.AutoAcceptFolders || peer.Untrusted {
		t.Errorf("the peer can do too much: %+v", peer)
	}
	if want := []string{dynamic}; !slices.Equal(peer.Addresses, want) {
		t.Errorf("addresses %q, want %q", peer.Addresses, want)
	}
	f := cfg.Folders[0]
	if f.MaxConflicts != -1 || f.PullerDelayS != 0 || f.FSWatcherEnabled || f.Type != config.FolderTypeSendReceive {
		t.Errorf("folder: %+v", f)
	}
	if len(f.Devices) != 2 {
		t.Errorf("the folder is shared with %d devices", len(f.Devices))
	}
	if _, err := configuration(protocol.DeviceID{}, 1, Settings{Peers: []Peer{{ID: "nonsense"}}}); err == nil {
		t.Error("a peer without a device ID was taken")
	}
}

func TestParseID(t *testing.T) {
	t.Parallel()
	if got, err := ParseID(strings.ToLower(strings.ReplaceAll(peerID, "-", ""))); err != nil || got != peerID {
		t.Errorf("got %q, %v", got, err)
	}
	wrong := []string{"", "x", peerID[:62], "A" + peerID[1:], "AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA",
		protocol.LocalDeviceID.String(), protocol.GlobalDeviceID.String()}
	for _, s := range wrong {
		if got, err := ParseID(s); err == nil {
			t.Errorf("%q passes for a device ID: %s", s, got)
		}
	}
}

func TestIsConflictCopy(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"report.sync-conflict-20261122-101112-I3FSKGD.md": true,
		"a/b.sync-conflict-20261122-101112-I3FSKGD":       true,
		"a.sync-conflict-x/b":                             false,
		"report.md":                                       false,
	} {
		if got := IsConflictCopy(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
