package conflict

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	infix      = ".sync-conflict-"
	timeLayout = "20060102-150405"
	deviceLen  = 7 // of a short device ID, Syncthing's ShortIDStringLength

	// maxName bounds a file name, in bytes: that of Linux, macOS and, in fewer
	// bytes than it allows, of Windows.
	maxName = 255
	// maxExt bounds what is taken for the extension of a name that is too long.
	maxExt = 64
	// hashLen is how much of a hash stands for the rest of a name.
	hashLen = 8
)

// Name is what the name of a conflict copy says.
type Name struct {
	// Base is the path of the file that it is a copy of. If Short, it may be cut, and
	// Of tells which file it is.
	Base   string
	Short  bool
	Time   time.Time // whole seconds, UTC
	Device string    // short ID of the device that made the version

	path string
}

// Parse reads the path of a conflict copy, slash-separated; false if it is none.
// Anybody can give a file such a name.
func Parse(p string) (Name, bool) {
	dir, file := path.Split(p)
	at := strings.LastIndex(file, infix)
	if at < 0 {
		return Name{}, false
	}
	stem, rest := file[:at], file[at+len(infix):]
	const fixed = len(timeLayout) + 1 + deviceLen
	if len(rest) < fixed || rest[len(timeLayout)] != '-' {
		return Name{}, false
	}
	device, ext := rest[len(timeLayout)+1:fixed], rest[fixed:]
	when, err := time.Parse(timeLayout, rest[:len(timeLayout)])
	if err != nil || strings.Trim(device, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" ||
		stem+ext == "" || path.Ext(stem+ext) != ext && !(ext == "" && isShort(stem)) {
		return Name{}, false
	}
	return Name{Base: dir + stem + ext, Short: isShort(stem), Time: when, Device: device, path: p}, true
}

// isShort reports whether a stem ends as shorten has it.
func isShort(stem string) bool {
	at := len(stem) - hashLen - 1
	return at >= 0 && stem[at] == '~' && strings.Trim(stem[at+1:], "0123456789abcdef") == ""
}

// Make names the conflict copy of a version of a file. A name that would be too
// long is cut, and then holds a hash of the whole.
func Make(base string, modified time.Time, device string) string {
	dir, file := path.Split(base)
	ext := path.Ext(file)
	mark := infix + modified.UTC().Format(timeLayout) + "-" + device
	if len(file)+len(mark) <= maxName {
		return dir + file[:len(file)-len(ext)] + mark + ext
	}
	if len(ext) > maxExt {
		ext = ""
	}
	return dir + shorten(file[:len(file)-len(ext)], file, maxName-len(mark)-len(ext)) + mark + ext
}

// shorten cuts a stem to a length, in bytes.
func shorten(stem, file string, length int) string {
	sum := sha256.Sum256([]byte(file))
	stem = stem[:min(len(stem), max(0, length-hashLen-1))]
	for len(stem) > 0 {
		if r, size := utf8.DecodeLastRuneInString(stem); r != utf8.RuneError || size != 1 {
			break
		}
		stem = stem[:len(stem)-1]
	}
	return stem + "~" + hex.EncodeToString(sum[:])[:hashLen]
}

// Of reports whether it names a copy of the file at a path.
func (n Name) Of(file string) bool {
	return n.Base == file || n.Short && Make(file, n.Time, n.Device) == n.path
}

// Beginning is what the paths of all files begin with that a short name can be a
// copy of.
func (n Name) Beginning() string {
	dir, file := path.Split(n.Base)
	if !n.Short {
		return n.Base
	}
	return dir + file[:strings.LastIndexByte(file, '~')]
}

// Original is the name of a copy of the file that all this goes back to: its own,
// unless it is the copy of a copy.
func (n Name) Original() Name {
	for {
		of, ok := Parse(n.Base)
		if !ok {
			return n
		}
		n = of
	}
}
