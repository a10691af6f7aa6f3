package notify

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/botsync/botsync/internal/api"
)

// Filter says which events notify. Its patterns are those of doublestar: one
// without a slash is compared with a file's name, another with its path below
// the root.
type Filter struct {
	Self    string   // ID of this device: its own changes never notify
	Folders []string // names
	// FoldersNow are the names at the time of asking, in place of Folders, where
	// they can change; nil if they do not.
	FoldersNow func() []string
	Include    []string // patterns; none means everything
	Exclude    []string // patterns
}

// Matches reports whether an event notifies.
func (f Filter) Matches(e api.Event) bool {
	// A conflict is news to both sides, whoever made the version that has lost.
	if e.Device != nil && e.Device.ID == f.Self && e.Type != api.EventConflict {
		return false
	}
	switch e.Type {
	case api.EventPeerAdded:
		return e.Device != nil
	case api.EventHeld, api.EventResumed:
		return true // in whatever folder: somebody has to decide
	case api.EventFileReceived, api.EventConflict:
		return e.Action != api.ActionTouched && slices.Contains(f.folders(), e.Folder) &&
			(len(f.Include) == 0 || matchesAny(f.Include, e)) && !matchesAny(f.Exclude, e)
	}
	return false
}

func (f Filter) folders() []string {
	if f.FoldersNow != nil {
		return f.FoldersNow()
	}
	return f.Folders
}

func matchesAny(patterns []string, e api.Event) bool {
	full := e.Folder + "/" + e.Path
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		name := full
		if !strings.Contains(pattern, "/") {
			name = path.Base(full)
		}
		ok, err := doublestar.Match(pattern, name)
		return err == nil && ok
	})
}
