package root

import (
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/botsync/botsync/internal/api"
)

// Notify is the part of config.toml that says what is notified and how often.
// Where to is in notify.json. The zero Notify stands for the default.
type Notify struct {
	Folders    []string `toml:"folders"`      // names; "default", alone, stands for those of the role, "none" for none
	Include    []string `toml:"include"`      // patterns; empty means everything
	Exclude    []string `toml:"exclude"`      // patterns
	Debounce   Duration `toml:"debounce"`     // after the last change
	MaxWait    Duration `toml:"max_wait"`     // after the first one
	MaxPerHour int      `toml:"max_per_hour"` // to each target; 0 means no limit
}

// FoldersDefault stands in [Notify].Folders for those of the role, FoldersNone
// for none.
const (
	FoldersDefault = "default"
	FoldersNone    = "none"
)

// Limits of [Notify].
const (
	maxPatterns   = 100
	maxPattern    = 1000 // bytes
	maxNotifyWait = 24 * time.Hour
	maxPerHour    = 1_000_000
)

// Duration is a time in config.toml, such as "2s".
type Duration time.Duration

// MarshalText writes it as [time.Duration] does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what [time.ParseDuration] does.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

func defaultNotify() Notify {
	return Notify{
		Folders: []string{FoldersDefault}, Include: []string{}, Exclude: []string{},
		Debounce: Duration(2 * time.Second), MaxWait: Duration(10 * time.Second), MaxPerHour: 60,
	}
}

// NotifyFolders are the folders of which changes notify on a device of a role.
func (n Notify) NotifyFolders(role api.Role) []string {
	switch {
	case slices.Equal(n.Folders, []string{FoldersNone}):
		return []string{}
	case !slices.Equal(n.Folders, []string{FoldersDefault}):
		return slices.Clone(n.Folders)
	case role == api.RoleAgent:
		return []string{"inbox", "shared"} // what others write; deliverables are its own work
	}
	return slices.Clone(Folders)
}

// normalised fills in what was left out and refuses what cannot be.
func (n Notify) normalised() (Notify, error) {
	if n.Folders == nil && n.Include == nil && n.Exclude == nil && n.Debounce == 0 && n.MaxWait == 0 && n.MaxPerHour == 0 {
		return defaultNotify(), nil
	}
	if len(n.Folders) == 0 {
		n.Folders = []string{FoldersNone}
	}
	for _, name := range n.Folders {
		alone := name == FoldersDefault || name == FoldersNone
		if !alone && !slices.Contains(Folders, name) {
			return n, bad("Choose from "+strings.Join(Folders, ", ")+".", "notify: there is no folder %q", name)
		}
		if alone && len(n.Folders) > 1 {
			return n, bad("Give it alone, or folders.", "notify: folders has %q beside other entries", name)
		}
	}
	for _, list := range []*[]string{&n.Include, &n.Exclude} {
		if *list == nil {
			*list = []string{}
		}
		if len(*list) > maxPatterns {
			return n, bad("Leave some out.", "notify: there are more than %d patterns", maxPatterns)
		}
		for _, pattern := range *list {
			if len(pattern) > maxPattern || !doublestar.ValidatePattern(pattern) || strings.ContainsFunc(pattern, isControl) {
				return n, bad(`Give one such as "*.pdf" or "inbox/reports/**".`, "notify: %q is no pattern", pattern)
			}
		}
	}
	switch {
	case n.Debounce < 0 || time.Duration(n.Debounce) > maxNotifyWait:
		return n, bad(`Give a time such as "2s".`, "notify: debounce %s is not between 0 and %s", time.Duration(n.Debounce), maxNotifyWait)
	case n.MaxWait < 0 || time.Duration(n.MaxWait) > maxNotifyWait:
		return n, bad(`Give a time such as "10s".`, "notify: max_wait %s is not between 0 and %s", time.Duration(n.MaxWait), maxNotifyWait)
	case n.MaxPerHour < 0 || n.MaxPerHour > maxPerHour:
		return n, bad("Give a number such as 60, or 0 for no limit.", "notify: max_per_hour %d is not between 0 and %d", n.MaxPerHour, maxPerHour)
	}
	return n, nil
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }
