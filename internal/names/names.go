// Package names says which names of files a system cannot hold, so that whoever
// makes one learns of it before a peer fails to write it.
package names

import (
	"fmt"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"
)

// Systems, as Go calls them, whose names of files are other ones than Linux's.
const (
	Windows = "windows"
	Darwin  = "darwin"
)

// maxName is how long one name can be: bytes on Linux and macOS, units of UTF-16 on
// Windows.
const maxName = 255

// Code says why a system cannot hold a name.
type Code string

// The codes.
const (
	TooLong  Code = "name_too_long"
	Reserved Code = "name_reserved"
)

// Reason is why a system cannot hold a path.
type Reason struct {
	Code Code
	Name string // the part of the path
	Text string
}

// Unholdable says why a system cannot hold a path, slash-separated: the first of
// its names that it cannot. Names that differ in case alone are told by [Clash].
//
// Windows' rules are those of "Naming Files, Paths, and Namespaces" in Microsoft's
// documentation of Win32.
func Unholdable(path, system string) (Reason, bool) {
	for name := range strings.SplitSeq(path, "/") {
		bad := func(code Code, format string, args ...any) (Reason, bool) {
			return Reason{code, name, fmt.Sprintf(format, args...)}, true
		}
		if n := length(name, system); n > maxName {
			return bad(TooLong, "%q is %d long, and at most %d fit", cut(name), n, maxName)
		}
		if system != Windows || name == "" {
			continue
		}
		if i := strings.IndexAny(name, `<>:"|?*\`); i >= 0 {
			return bad(Reserved, "%q is not allowed in a name", name[i:i+1])
		}
		if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
			return bad(Reserved, "a control character is not allowed in a name")
		}
		if last := name[len(name)-1]; last == ' ' || last == '.' {
			return bad(Reserved, "a name cannot end in %q", string(last))
		}
		if device := device(name); device != "" {
			return bad(Reserved, "%s is the name of a device", device)
		}
	}
	return Reason{}, false
}

func length(name, system string) int {
	switch system {
	case Windows:
		return len(utf16.Encode([]rune(name)))
	case Darwin:
		return len(norm.NFD.String(name)) // as it is stored
	}
	return len(name)
}

func cut(name string) string {
	if r := []rune(name); len(r) > 20 {
		return string(r[:20]) + "…"
	}
	return name
}

// device returns the name of a device that Windows takes a name for, with any
// extension: NUL, nul.txt.
func device(name string) string {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return base
	}
	if rest, ok := strings.CutPrefix(base, "COM"); ok && isPort(rest) {
		return base
	}
	if rest, ok := strings.CutPrefix(base, "LPT"); ok && isPort(rest) {
		return base
	}
	return ""
}

func isPort(s string) bool {
	return len([]rune(s)) == 1 && strings.ContainsAny(s, "0123456789¹²³")
}

// Folds reports whether a system usually takes names that differ in case alone for
// the same.
func Folds(system string) bool { return system == Windows || system == Darwin }

// Fold is the same for paths that such a system takes for the same.
func Fold(path string) string { return strings.ToLower(norm.NFC.String(path)) }

// System is the system for a person.
func System(goos string) string {
	switch goos {
	case Windows:
		return "Windows"
	case Darwin:
		return "macOS"
	case "linux":
		return "Linux"
	}
	return goos
}
