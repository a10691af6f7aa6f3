package conflict

import (
	"errors"
	"time"
)

// Version is one version of a file in conflict.
type Version struct {
	Path     string    // tells versions of one file apart
	Current  bool      // it has the name of the file; the others are conflict copies
	Device   string    // ID of the device that made it; empty if that is not known
	Mine     bool      // this device made it
	Modified time.Time // of a deletion, when that was
}

// The versions that can be kept.
const (
	Mine   = "mine"   // the one that this device made
	Theirs = "theirs" // the one that another device made
	Newest = "newest"
	Oldest = "oldest"
	Both   = "both" // all of them, beside each other
)

// Choice says which version is to be kept.
type Choice struct {
	Keep   string // one of the above but Both; may be empty if there is a Device
	Device string // ID: only versions of this device are meant
}

var (
	// ErrNone says that no version is meant.
	ErrNone = errors.New("none of the versions is meant")
	// ErrSeveral says that more than one version is meant.
	ErrSeveral = errors.New("more than one of the versions is meant")
)

// Choose returns which of the versions is meant. It says the same on every device
// for the same question, but for mine and theirs.
func Choose(versions []Version, c Choice) (int, error) {
	best, count := -1, 0
	for i, v := range versions {
		if c.Device != "" && v.Device != c.Device || c.Keep == Mine && !v.Mine || c.Keep == Theirs && v.Mine {
			continue
		}
		count++
		if best < 0 || c.Keep == Newest && newer(v, versions[best]) || c.Keep == Oldest && newer(versions[best], v) {
			best = i
		}
	}
	switch {
	case count == 0:
		return 0, ErrNone
	case count > 1 && c.Keep != Newest && c.Keep != Oldest:
		return 0, ErrSeveral
	}
	return best, nil
}

// newer orders versions that are no two alike.
func newer(a, b Version) bool {
	switch {
	case !a.Modified.Equal(b.Modified):
		return a.Modified.After(b.Modified)
	case a.Current != b.Current:
		return a.Current
	}
	return a.Path > b.Path
}
