package root

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/meeting/relayurl"
)

// MaxName bounds the name of a device, in runes.
const MaxName = 64

// Servers is a list of Syncthing URLs. "default" stands for Syncthing's public
// ones, "none", alone, for none. A Config that was read or written holds at
// least one entry.
type Servers []string

// The words that stand in a [Servers] list for URLs.
const (
	ServersDefault = "default"
	ServersNone    = "none"
)

// None reports whether no server is wanted.
func (s Servers) None() bool { return len(s) == 1 && s[0] == ServersNone }

// URLs are the entries, "default" among them, without "none".
func (s Servers) URLs() []string {
	if s.None() {
		return nil
	}
	return slices.Clone(s)
}

func (s Servers) normalised() Servers {
	switch {
	case s == nil:
		return Servers{ServersDefault}
	case len(s) == 0:
		return Servers{ServersNone}
	}
	return s
}

// normalised fills in what was left out and refuses what cannot be.
func (c Config) normalised() (Config, error) {
	c.DiscoveryServers = c.DiscoveryServers.normalised()
	c.SyncthingRelays = c.SyncthingRelays.normalised()
	if err := ValidateName(c.Name); err != nil {
		return c, err
	}
	if !c.Role.Valid() {
		return c, bad(`Choose "agent" or "human", or "" for neither.`, "the role %q does not exist", c.Role)
	}
	if c.Relay = strings.TrimSpace(c.Relay); c.Relay != "" {
		if err := ValidateRelay(c.Relay); err != nil {
			return c, err
		}
	}
	if err := c.DiscoveryServers.validate("discovery server", "https://discovery.example.com/?id=…", "https", "http"); err != nil {
		return c, err
	}
	if err := c.SyncthingRelays.validate("Syncthing relay", "relay://relay.example.com:22067/?id=…", "relay", "dynamic+https", "dynamic+http"); err != nil {
		return c, err
	}
	if err := c.MCP.validate(); err != nil {
		return c, err
	}
	var err error
	if c.History, err = c.History.normalised(); err != nil {
		return c, err
	}
	if c.Brake, err = c.Brake.normalised(); err != nil {
		return c, err
	}
	if err := c.Merge.validate(); err != nil {
		return c, err
	}
	c.Notify, err = c.Notify.normalised()
	return c, err
}

// validate refuses what would mean another directory to each reader.
func (m MCP) validate() error {
	for _, dir := range m.SendFrom {
		switch {
		case strings.IndexFunc(dir, unicode.IsControl) >= 0 || !utf8.ValidString(dir):
			return bad("Name a directory.", "the directory %q of send_from contains a character that cannot be shown", dir)
		case !filepath.IsAbs(dir) && dir != "~" && !strings.HasPrefix(dir, "~/"):
			return bad("Give an absolute path, or one that begins with ~/.", "the directory %q of send_from is not absolute", dir)
		}
	}
	return nil
}

func bad(hint, format string, args ...any) error {
	return api.Errorf(api.CodeBadConfig, hint, format, args...)
}

// ValidateName refuses a device name that is empty, longer than [MaxName] runes,
// or not one line of printable text. What cannot be seen (control and bidi
// characters, zero width ones) could make one device look like another.
func ValidateName(name string) error {
	const hint = "Choose a short name such as \"laptop\"."
	switch {
	case name == "":
		return bad(hint, "the name of the device is empty")
	case !utf8.ValidString(name):
		return bad(hint, "the name of the device is not UTF-8")
	case utf8.RuneCountInString(name) > MaxName:
		return bad(hint, "the name of the device has more than %d characters", MaxName)
	case strings.TrimSpace(name) != name:
		return bad(hint, "the name %q begins or ends with a space", name)
	}
	for _, c := range name {
		if !unicode.IsPrint(c) {
			return bad(hint, "the name %q contains %U, which cannot be shown", name, c)
		}
	}
	return nil
}

// ValidateRelay refuses what is not the URL of a pairing relay, as [relayurl.Parse]
// reads it.
func ValidateRelay(relay string) error {
	if _, err := relayurl.Parse(relay); err != nil {
		return bad("Give a URL such as https://relay.example.com.", "%v", err)
	}
	return nil
}

func (s Servers) validate(what, example string, schemes ...string) error {
	for _, entry := range s {
		switch {
		case entry == ServersDefault:
		case entry == ServersNone && len(s) == 1:
		case entry == ServersNone:
			return bad("Give either none or servers.", "the list of %ss has none beside other entries", what)
		default:
			if err := validateURL(what, entry, example, schemes...); err != nil {
				return err
			}
		}
	}
	return nil
}

func validateURL(what, raw, example string, schemes ...string) error {
	hint := "Give a URL such as " + example + "."
	if i := strings.IndexFunc(raw, func(c rune) bool { return !unicode.IsGraphic(c) || unicode.IsSpace(c) }); i >= 0 {
		return bad(hint, "the %s %q contains a space or a character that cannot be shown", what, raw)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return bad(hint, "the %s %q is not a URL", what, raw)
	case !slices.Contains(schemes, u.Scheme):
		return bad(hint, "the %s %q does not begin with %s://", what, raw, strings.Join(schemes, ":// or "))
	case u.Hostname() == "":
		return bad(hint, "the %s %q names no host", what, raw)
	case !validPort(u.Port()):
		return bad(hint, "the %s %q names a port that does not exist", what, raw)
	case u.User != nil:
		return bad(hint, "the %s URL carries a user name", what)
	case u.Fragment != "":
		return bad(hint, "the %s %q has a part after #", what, raw)
	}
	return nil
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// DefaultName is the name of a device whose owner chose none: the host's,
// without its domain.
func DefaultName() string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return cleanHost(host)
}

func cleanHost(host string) string {
	host, _, _ = strings.Cut(host, ".")
	name := strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || c == utf8.RuneError {
			return -1
		}
		return c
	}, host)
	if runes := []rune(name); len(runes) > MaxName {
		name = string(runes[:MaxName])
	}
	if name = strings.TrimSpace(name); name == "" || name == "localhost" {
		return "botsync"
	}
	return name
}
