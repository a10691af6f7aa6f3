package engine

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/locations"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Words that stand in a list of servers for URLs.
const (
	Default = "default" // Syncthing's public ones
	None    = "none"    // as the only element: no servers at all
)

// publicRelays is Syncthing's pool of relays.
const publicRelays = "dynamic+https://relays.syncthing.net/endpoint"

// Settings is everything that the engine is told: who the peers are, which
// folders are shared with them, and how far it may reach.
type Settings struct {
	Name             string   // of this device, told to peers
	LANOnly          bool     // nothing leaves the local network
	DiscoveryServers []string // URLs, Default or None; empty means Default
	Relays           []string // URLs of Syncthing relays or relay pools, Default or None; empty means Default
	Folders          []Folder
	Peers            []Peer
	Brake            BrakeLimits // of the folders that have one
}

// Folder is a directory that is shared with every peer, or with some.
type Folder struct {
	ID   string   // the same on every device of the network
	Name string   // how events and status call it
	Path string   // absolute
	Only []string // IDs of the peers that share it; nil means every peer
	// ReceiveOnly keeps what is changed here from travelling to peers, until it is
	// no more: then all of it travels.
	ReceiveOnly bool
	Brake       bool // much that vanishes here at once is held, unless ReceiveOnly
	// Ignores keeps out of the folder what package ignores says.
	Ignores bool
}

// Peer is a device that is allowed to connect.
type Peer struct {
	ID        string   // Syncthing device ID
	Name      string   //
	Addresses []string // URLs such as tcp://192.0.2.1:22000, tried beside what discovery finds
	Stock     bool     // it is a Syncthing without botsync
}

// dynamic is Syncthing's word for an address that has to be looked up.
const dynamic = "dynamic"

// reconnectSeconds is how long the engine waits before it dials a peer again:
// the least that Syncthing accepts.
const reconnectSeconds = 5

// configuration translates s into Syncthing's own configuration. Not in s are the
// port to listen on and what the file systems of the folders are like. Where peers
// are dialled is asked of the finder.
func configuration(self protocol.DeviceID, port int, s Settings) (config.Configuration, error) {
	cfg := config.New(self)
	cfg.GUI.Enabled = false
	cfg.Options = options(cfg.Options, port, s)

	me := config.DeviceConfiguration{DeviceID: self, Name: s.Name, Addresses: []string{dynamic}}
	devices := []config.DeviceConfiguration{me}
	members := []config.FolderDeviceConfiguration{{DeviceID: self}}
	for _, p := range s.Peers {
		id, err := protocol.DeviceIDFromString(p.ID)
		if err != nil {
			return cfg, fmt.Errorf("configuring peer %q: %w", p.Name, err)
		}
		if id == self {
			continue
		}
		dev := cfg.Defaults.Device.Copy()
		dev.DeviceID, dev.Name = id, p.Name
		dev.Addresses = []string{dynamic}
		dev.Introducer, dev.AutoAcceptFolders = false, false
		// One connection: a second one delays the first exchange of indexes, and
		// on the links that matter one stream is enough.
		dev.RawNumConnections = 1
		devices = append(devices, dev)
		members = append(members, config.FolderDeviceConfiguration{DeviceID: id})
	}
	cfg.Devices = devices

	cfg.Folders = nil
	for _, f := range s.Folders {
		cfg.Folders = append(cfg.Folders, folder(cfg.Defaults.Folder.Copy(), f, f.sharers(members)))
	}
	return cfg, nil
}

func options(o config.OptionsConfiguration, port int, s Settings) config.OptionsConfiguration {
	o.RawListenAddresses = []string{listener("tcp", port), listener("quic", port)}
	o.LocalAnnEnabled, o.LocalAnnPort = true, announcePort
	o.ReconnectIntervalS = reconnectSeconds
	// A relay that did not know the peer yet is asked again, not in ten minutes.
	o.RelayReconnectIntervalM = 1

	o.GlobalAnnEnabled = !s.LANOnly && !isNone(s.DiscoveryServers)
	if len(s.DiscoveryServers) > 0 {
		o.RawGlobalAnnServers = s.DiscoveryServers // Syncthing knows the word default
		if !slices.Contains(s.DiscoveryServers, Default) {
			// Whoever names servers wants to be seen by those alone.
			o.RawStunServers = nil
			o.StunKeepaliveStartS = 0
		}
	}
	o.RelaysEnabled = !s.LANOnly && !isNone(s.Relays)
	if o.RelaysEnabled {
		o.RawListenAddresses = append(o.RawListenAddresses, relayListeners(s.Relays)...)
	}
	o.NATEnabled = !s.LANOnly
	// UPnP is asked two or three times, one after the other, and each time all of
	// it is waited for: with the default the port is known after 20 or 30 s.
	o.NATTimeoutS = 3
	if s.LANOnly {
		o.RawGlobalAnnServers, o.RawStunServers = nil, nil
		o.StunKeepaliveStartS = 0
	}

	home, err := DiskRoomOf(locations.GetBaseDir(locations.DataBaseDir))
	o.MinHomeDiskFree = minFree(home.HomeReserve(), err)

	// Nobody but the peers learns of this device.
	o.URAccepted, o.URSeen, o.URURL, o.URUniqueID = -1, 1000, "", ""
	o.CREnabled, o.CRURL = false, ""
	o.AutoUpgradeIntervalH, o.ReleasesURL, o.UpgradeToPreReleases = 0, "", false
	o.StartBrowser = false
	o.UnackedNotificationIDs = nil
	o.SetLowPriority = false
	return o
}

func folder(c config.FolderConfiguration, f Folder, members []config.FolderDeviceConfiguration) config.FolderConfiguration {
	c.ID, c.Label, c.Path = f.ID, f.Name, f.Path
	c.Type = config.FolderTypeSendReceive
	if f.ReceiveOnly {
		c.Type = config.FolderTypeReceiveOnly
	}
	c.Devices = append([]config.FolderDeviceConfiguration(nil), members...)
	c.MaxConflicts = -1        // every conflict copy is kept
	c.FSWatcherEnabled = false // see watch.go
	// It pulls when the index says so.
	c.PullerDelayS = 0
	// What could not be written is tried again after this time in seconds, then
	// twice the time, and so on, up to 64 times as long.
	c.PullerPauseS = 1
	// Looking up each block of a new file in the others costs more than it
	// saves, and so does listing directories to find names that differ in case
	// alone, where names that do are different ones. Without the two, 10,000 small
	// files take 8 s instead of 24.
	c.BlockIndexing = false
	disk := traitsOf(f.Path)
	c.CaseSensitiveFS = disk.caseSensitive
	c.IgnorePerms = !disk.modes // or what such a disk makes of them would travel
	c.FilesystemType = filesystemType
	room, err := DiskRoomOf(f.Path)
	c.MinDiskFree = minFree(room.Reserve(), err)
	return c
}

// relayListeners returns the listeners for relays. Among listeners the word
// default has another meaning for Syncthing.
func relayListeners(relays []string) []string {
	if len(relays) == 0 {
		return []string{publicRelays}
	}
	out := slices.Clone(relays)
	for i, r := range out {
		if r == Default {
			out[i] = publicRelays
		}
	}
	return out
}

// dialable keeps the addresses that Syncthing can dial. They come from peers.
func dialable(addresses []string) []string {
	var out []string
	for _, a := range addresses {
		u, err := url.Parse(a)
		if err != nil || u.Host == "" {
			continue
		}
		switch u.Scheme {
		case "tcp", "tcp4", "tcp6", "quic", "quic4", "quic6", "relay":
			out = append(out, a)
		}
	}
	return out
}

func isNone(servers []string) bool { return len(servers) == 1 && servers[0] == None }
