package history

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"time"
)

// stamp is how a time is written in a name: UTC, to the microsecond, in the order
// of time when sorted.
const stamp = "20060102T150405.000000Z"

// The parts of a name are set apart by sep, which is allowed on every system.
const sep = "~"

const (
	nobody   = "-" // in the place of a device that is not known
	replaced = "r"
	deleted  = "d"

	shortID   = 7   // of a device, in characters
	maxName   = 255 // of a file, in bytes, on the systems that there are
	suffixMax = len(sep)*3 + len(stamp) + shortID + 1
)

// Name is how a version is called: the name of the file, then when something took
// its place, which device did that, and what: "r" for another content, "d" if it
// was deleted.
func Name(base string, at time.Time, by string, gone bool) string {
	kind := replaced
	if gone {
		kind = deleted
	}
	if !isShortID(by) {
		by = nobody
	}
	return base + sep + at.UTC().Format(stamp) + sep + by + sep + kind
}

// ParseName reads what Name wrote. The name of the file may hold anything, also
// what looks like the end of a version's.
func ParseName(name string) (base string, at time.Time, by string, gone, ok bool) {
	rest, kind, found := cutLast(name)
	if !found || kind != replaced && kind != deleted {
		return "", at, "", false, false
	}
	if rest, by, found = cutLast(rest); !found || by != nobody && !isShortID(by) {
		return "", at, "", false, false
	}
	rest, when, found := cutLast(rest)
	if !found || rest == "" || len(when) != len(stamp) {
		return "", at, "", false, false
	}
	at, err := time.Parse(stamp, when)
	if err != nil || at.Format(stamp) != when {
		return "", time.Time{}, "", false, false
	}
	if by == nobody {
		by = ""
	}
	return rest, at, by, kind == deleted, true
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// isShortID reports whether s is the short form of a device ID.
func isShortID(s string) bool {
	if len(s) != shortID {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'A' && c <= 'Z' || c >= '2' && c <= '7') {
			return false
		}
	}
	return true
}

// The versions of a file whose name leaves no room for more are in one directory
// for each folder, called by a hash of the path. The path is in a file beside
// them, which is written first.
const (
	longDir  = ".long"
	pathFile = ".path"
)

// isLong reports whether a file's own name can not begin those of its versions.
func isLong(file string) bool { return len(path.Base(file))+suffixMax > maxName }

func longName(file string) string {
	sum := sha256.Sum256([]byte(file))
	return hex.EncodeToString(sum[:16])
}
