package doctor

import (
	"io/fs"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Facts are what is known of a root and its daemon. A zero value means that nothing
// is known, unless it says otherwise.
type Facts struct {
	Now     time.Time
	Command string // version of the command that asks; empty if it did not say
	Version string // of the botsync that gathered this
	Engine  string
	Go      string
	OS      string
	Arch    string
	Root    string

	Daemon     Daemon
	Config     Config
	Identity   Identity
	State      State
	Disk       Disk
	Member     Member
	Folders    []Folder
	Relay      Relay // of pairings
	Peers      []Peer
	Live       *Live    // what only a running daemon knows; nil if none answers
	Targets    []Target // of notifications
	TargetsErr error
	Clocks     map[string]PeerClock // what connected peers said, by device ID
	Problems   []api.Problem        // of status
	Log        []string             // the end of the daemon's log
}

// Daemon is the process that serves the root.
type Daemon struct {
	Held      bool // the lock is held: it runs, starts or stops
	HeldErr   error
	Answers   bool
	Version   string // what it said it is, or what the lock says
	PID       int    // of the one that holds the lock, or held it; 0 if there was none
	Suspended bool   // by SIGSTOP
	Gone      bool   // no process has that number
	Ours      bool   // the process of that number is seen to have the lock's file open
	Started   time.Time
	Socket    Socket
}

// Socket is where the daemon listens.
type Socket struct {
	Path   string
	Exists bool
	Mode   fs.FileMode
	Err    error
}

// Config is config.toml.
type Config struct {
	Path    string
	Err     error
	Hint    string // what to do about Err
	Changed bool   // since the daemon read it
	LANOnly bool
	Relay   string // URL, of pairings
}

// Identity is the certificate and key.
type Identity struct {
	Dir     string
	Err     error // it cannot be read, or the two do not belong together
	Missing bool  // there is none yet
	ID      string
	Other   bool       // the daemon runs with another one
	Modes   []FileMode // of what is secret
}

// FileMode is the mode of something that only its owner may read.
type FileMode struct {
	Path string
	Mode fs.FileMode
}

// State is state.db.
type State struct {
	Path    string
	Missing bool // there is none yet
	Err     error
	Damaged bool      // Err is about what is in it
	Unknown bool      // the time ran out
	Latest  time.Time // of what it remembers
}

// Disk is where the root is.
type Disk struct {
	Free, Total uint64 // bytes
	Reserve     uint64 // below which nothing is received
	Err         error
	Writable    error  // why .botsync cannot be written to; nil if it can
	Log         uint64 // bytes of logs
	// Versions is what replaced and deleted files take, in bytes, if it is known.
	Versions      uint64
	VersionsKnown bool
	VersionsLimit uint64 // 0 if there is none
}

// Member is what this device knows of its network.
type Member struct {
	Network  bool // it is in one
	Err      error
	Pending  time.Time // until when a join is completed; zero if none is under way
	Removed  bool
	By       string // who removed it; a name
	Bad      []BadRecord
	Restored int
	// Ghosts are devices that were removed and are connected all the same.
	Ghosts []string
}

// BadRecord is a file among the device records that is none.
type BadRecord struct {
	Path string
	Err  error
}

// Folder is a synced folder.
type Folder struct {
	Name     string
	Path     string
	Missing  bool  // the directory
	Unmarked bool  // the .stfolder in it is missing
	Err      error // why it cannot be read or written
	// What follows is known by a running daemon.
	State        string
	Stopped      string           // why the engine has stopped it
	Failed       int              // files that cannot be synced
	FailedFiles  []api.FailedFile // the first of them
	NeedFiles    int
	NeedBytes    int64
	Conflicts    int
	Local        int // changes in a receive-only folder
	Held         int // changes that wait for somebody to confirm them
	IsHeld       bool
	Deciding     bool // what is to become of it is decided, and under way
	Ignored      int
	IgnoredKnown bool
}

// Relay is the pairing relay of config.toml.
type Relay struct {
	URL   string
	Tried bool
	Took  time.Duration
	Err   error
}

// Peer is another device of the network.
type Peer struct {
	ID        string
	Name      string
	Stock     bool
	Connected bool
	Via       string
	Address   string
	LastSeen  time.Time
	Refuses   bool   // it ends every connection
	Unshared  bool   // it is a Syncthing that has accepted no folder
	Engine    string // version, as it says
	Addresses []Dial // where it is looked for
}

// Dial is an address of a peer, and what became of the last attempt to reach it.
type Dial struct {
	Address string
	At      time.Time // zero if it was not tried
	Err     string
}

// PeerClock is what a peer answered that was asked for the time.
type PeerClock struct {
	Offset
	Version string // of its botsync
}

// Offset bounds how far another clock is ahead of this one.
type Offset struct {
	Known     bool
	Low, High time.Duration
}

// Live is what only a running daemon knows.
type Live struct {
	Uptime     time.Duration
	Backwards  time.Duration // by which the clock was set back since the start
	SetBack    time.Duration // by which it is behind of what it was, also before the start, if that is more than a day
	SetAhead   time.Duration // by which it has jumped ahead, likewise
	Untrusted  time.Duration // for which it still has to go on until that is taken for right
	Port       int
	Preferred  int    // the port that it would like to have
	Taker      string // who has that, for people; empty if nobody knows
	Listeners  []Listener
	Discovery  []Mechanism
	Interfaces []Interface
	Watch      Watch
	Invites    []Way // all ways of all open invites
	// LANOnly, NoDiscovery and NoRelays are as the engine was told.
	LANOnly, NoDiscovery, NoRelays bool
}

// Listener is somewhere that peers can connect.
type Listener struct {
	Address string
	Relay   bool // through one of Syncthing's relays
	Err     string
	Found   int      // addresses that it has
	Mapped  []string // those that lead here from a router, which was asked for a port
}

// The kinds of discovery.
const (
	LAN4   = "broadcast"
	LAN6   = "multicast"
	Global = "server"
)

// Mechanism is a way in which peers find each other.
type Mechanism struct {
	Kind string
	Name string
	Err  string
}

// Interface is one of the network that is up.
type Interface struct {
	Name      string
	Multicast bool
	Loopback  bool
	V4, V6    bool
	Public    bool // one of its addresses is of the internet
}

// Watch is what notices changes.
type Watch struct {
	Known     bool // the numbers are
	Used      int
	Limit     int
	Instances int      // the limit of them
	Folders   []string // in which changes are noticed late
	Message   string
	Command   string
	File      string
}

// Way is one by which an invite can be redeemed, or not.
type Way struct {
	Name, Target string
	Open         bool
	Err          string // why it is not open; empty if that is not known yet
}

// Target is where notifications go.
type Target struct {
	Name      string
	Kind      string
	State     string
	Err       string
	Queued    int
	Parked    int
	Delivered time.Time
	Tested    bool
	TestErr   error
	Answer    string
}
