package root

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/botsync/botsync/internal/api"
)

// The names below a root.
const (
	ReadmeName   = "BOTSYNC.md"
	StateName    = ".botsync"
	configName   = "config.toml"
	lockName     = "daemon.lock"
	socketName   = "daemon.sock"
	identityName = "identity"
	engineName   = "engine"
	networkName  = "network"
	versionsName = "versions"
	revertedName = "reverted"
	mergingName  = "merging.json"
	logsName     = "logs"
	stateDBName  = "state.db"
	memberName   = "membership.json"
	clockName    = "clock.json"
)

// Modes of what botsync makes. The folders belong to the user, whose umask
// decides, as it does for mkdir.
const (
	modeFolder  fs.FileMode = 0o777
	modePrivate fs.FileMode = 0o700
	modeSecret  fs.FileMode = 0o600
)

// Folders are the names of the synced folders of every root.
var Folders = []string{"shared", "deliverables", "inbox"}

// Root is an initialised root. It holds nothing but the path and can be copied
// and used by several goroutines.
type Root struct{ dir string }

// Open returns the root at dir, an absolute path as [Resolve] returns it. A
// directory that was not initialised gives an [api.Error] not_initialised.
func Open(dir string) (*Root, error) {
	r := &Root{dir: filepath.Clean(dir)}
	switch info, err := os.Stat(r.ConfigPath()); {
	case err == nil && info.Mode().IsRegular():
		return r, nil
	case err == nil:
		return nil, api.Errorf(api.CodeDamaged, "Move it away and run the command again.",
			"%s is not a regular file", r.ConfigPath())
	case errors.Is(err, fs.ErrNotExist) || isNotDir(err):
		return nil, notInitialised(dir)
	default:
		return nil, unusable(dir, err)
	}
}

func notInitialised(dir string) *api.Error {
	return api.Errorf(api.CodeNotInitialised,
		`Run "botsync init" to start a network here, or "botsync join CODE" to join one. `+
			"If the root is elsewhere, name it with --root or BOTSYNC_ROOT.",
		"%s is not initialised", dir)
}

// Dir is the root itself, an absolute path.
func (r *Root) Dir() string { return r.dir }

// Folder is the path of the synced folder of the given name.
func (r *Root) Folder(name string) string { return filepath.Join(r.dir, name) }

// StateDir is .botsync, which only its owner may enter.
func (r *Root) StateDir() string { return filepath.Join(r.dir, StateName) }

// IdentityDir holds the certificate and key of this device.
func (r *Root) IdentityDir() string { return r.state(identityName) }

// EngineDir holds Syncthing's own configuration and database.
func (r *Root) EngineDir() string { return r.state(engineName) }

// NetworkDir holds the device records, a synced folder that no user sees.
func (r *Root) NetworkDir() string { return r.state(networkName) }

// VersionsDir holds what peers replaced or deleted here.
func (r *Root) VersionsDir() string { return r.state(versionsName) }

// RevertedDir holds what a revert took out of the folders.
func (r *Root) RevertedDir() string { return r.state(revertedName) }

// MergingPath names the file that a merge is about to replace, while it does.
func (r *Root) MergingPath() string { return r.state(mergingName) }

// ClockPath is the file that says what time it is for versions.
func (r *Root) ClockPath() string { return r.state(clockName) }

// LogsDir holds the daemon's logs.
func (r *Root) LogsDir() string { return r.state(logsName) }

// StatePath is the SQLite database of what the daemon must not forget.
func (r *Root) StatePath() string { return r.state(stateDBName) }

// MembershipPath says which network this device belongs to.
func (r *Root) MembershipPath() string { return r.state(memberName) }

// ConfigPath is the file that a person may edit.
func (r *Root) ConfigPath() string { return r.state(configName) }

// ReadmePath is BOTSYNC.md.
func (r *Root) ReadmePath() string { return filepath.Join(r.dir, ReadmeName) }

func (r *Root) state(name string) string { return filepath.Join(r.dir, StateName, name) }

// stateDirs are the directories below .botsync, all private.
func (r *Root) stateDirs() []string {
	return []string{r.IdentityDir(), r.EngineDir(), r.NetworkDir(), r.VersionsDir(), r.LogsDir()}
}
