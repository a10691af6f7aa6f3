package root

import (
	"bytes"
	_ "embed" // for config.toml
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/gofrs/flock"
	"github.com/pelletier/go-toml/v2"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/atomicfile"
)

// maxConfig bounds config.toml, in bytes. A real one has a few hundred.
const maxConfig = 1 << 20

// Config is config.toml. The zero Config, but for its name, is the default.
type Config struct {
	Name             string   `toml:"name"`              // of this device, shown to peers
	Role             api.Role `toml:"role"`              //
	Relay            string   `toml:"relay"`             // URL of a pairing relay, or empty
	LANOnly          bool     `toml:"lan_only"`          // nothing leaves the local network
	DiscoveryServers Servers  `toml:"discovery_servers"` // Syncthing's discovery servers
	SyncthingRelays  Servers  `toml:"syncthing_relays"`  // Syncthing's relays, which carry encrypted data

	MCP    MCP    `toml:"mcp"`    // what "botsync mcp" lets an agent do
	Notify Notify `toml:"notify"` // what is notified, and how often

	History History `toml:"history"` // how much of what was replaced and deleted is kept
	Brake   Brake   `toml:"brake"`   // how much may vanish at once
	Merge   Merge   `toml:"merge"`   // of which files versions in conflict are merged
}

// MCP is what the MCP server may do beyond reading and writing below the root.
type MCP struct {
	AllowInvite bool     `toml:"allow_invite"` // the tool invite exists
	SendFrom    []string `toml:"send_from"`    // directories outside of the root that send_files may read, absolute or with ~
}

//go:embed config.toml.tmpl
var configText string

var configTemplate = template.Must(template.New(configName).Funcs(template.FuncMap{
	"toml": tomlValue,
}).Parse(configText))

// tomlValue writes a value as TOML on one line.
func tomlValue(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return quote(v), nil
	case api.Role:
		return quote(string(v)), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text, nil
	case Duration:
		return quote(time.Duration(v).String()), nil
	case Servers:
		return tomlValue([]string(v))
	case []string:
		quoted := make([]string, len(v))
		for i, s := range v {
			quoted[i] = quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]", nil
	}
	return "", fmt.Errorf("no way to write %T as TOML", v)
}

// quote writes a basic string. Validated settings hold no control characters,
// so that only these two need an escape.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// Encode writes the settings as a config.toml with comments for a person.
func (c Config) Encode() ([]byte, error) {
	c, err := c.normalised()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := configTemplate.Execute(&b, c); err != nil {
		return nil, fmt.Errorf("writing %s: %w", configName, err)
	}
	return b.Bytes(), nil
}

// Config reads config.toml. The [api.Error] for one that does not parse or holds
// a bad value names the file, the line and what to do.
func (r *Root) Config() (Config, error) {
	data, err := r.readConfig()
	if err != nil {
		return Config{}, err
	}
	return decodeConfig(r.ConfigPath(), data)
}

func (r *Root) readConfig() ([]byte, error) {
	path := r.ConfigPath()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notInitialised(r.dir)
	}
	if err == nil && info.Size() > maxConfig {
		err = fmt.Errorf("%s: %d bytes are too many", path, info.Size())
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, api.Errorf(api.CodeDamaged,
			`Make it readable for this user, or move it away and run "botsync init", which writes a new one and keeps everything else.`,
			"the settings cannot be read: %v", cause(err))
	}
	return data, nil
}

// UpdateConfig changes config.toml in one step. Comments that a person added to
// the file are lost, their settings are not. If change or the result is in error
// the file stays as it is.
func (r *Root) UpdateConfig(change func(*Config) error) error {
	lock := flock.New(r.state(configLock), flock.SetPermissions(modeSecret))
	if err := lock.Lock(); err != nil {
		return unusable(r.dir, err)
	}
	defer lock.Close()
	cfg, err := r.Config()
	if err != nil {
		return err
	}
	if err := change(&cfg); err != nil {
		return err
	}
	return r.writeConfig(cfg)
}

func (r *Root) writeConfig(cfg Config) error {
	data, err := cfg.Encode()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(r.ConfigPath(), data, modeSecret); err != nil {
		return unusable(r.dir, err)
	}
	return nil
}

// decodeConfig is strict: a setting that is misspelt must not be ignored
// silently, least of all lan_only.
func decodeConfig(path string, data []byte) (Config, error) {
	c := Config{Notify: defaultNotify(), Brake: defaultBrake(), History: History{Days: DefaultHistoryDays}} // what is left out stays
	dec := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Config{}, decodeError(path, err)
	}
	if c.Name == "" {
		c.Name = DefaultName()
	}
	if c.Brake == (Brake{}) {
		c.Brake = defaultBrake()
		c.Brake.Enabled = false // which was said, and is not left out
	}
	given := c.History.Days // which normalised takes for left out if it is 0
	c, err := c.normalised()
	if err == nil && given == 0 {
		err = badDays(given)
	}
	if err != nil {
		var bad *api.Error
		if errors.As(err, &bad) {
			bad.Message = path + ": " + bad.Message
		}
		return Config{}, err
	}
	return c, nil
}
