package root

import (
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/botsync/botsync/internal/api"
)

// maxName is how long a name can be, in bytes, on every usual file system.
const maxName = 255

// fold is a name as a system sees it that does not tell cases apart.
func fold(name string) string { return strings.ToLower(norm.NFC.String(name)) }

// syncable refuses names that no file can have, and those that the engine keeps
// for itself, so that nobody would get the file.
func syncable(name string) error {
	bad := func(why string) error {
		return api.Errorf(api.CodeUsage, "Choose another name.", "a file cannot be sent as %q: %s", name, why)
	}
	switch {
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		return bad("that is no name of a file")
	case isTemporary(name):
		return bad("files of such names are not synced")
	case name == markName || name == ".stignore" || name == ".stversions":
		return bad("the engine keeps that name for itself")
	case !utf8.ValidString(name):
		return bad("it is not UTF-8, and is not synced")
	}
	return nil
}

// isTemporary reports whether the engine takes a name for one of a file that it
// is writing.
func isTemporary(name string) bool {
	return (strings.HasPrefix(name, ".syncthing.") || strings.HasPrefix(name, "~syncthing~")) && strings.HasSuffix(name, ".tmp")
}

// storedName is name as the engine stores it: in Unicode's normal form C.
func storedName(name string) (string, error) {
	if stored := norm.NFC.String(name); len(stored) <= maxName {
		return stored, nil
	}
	return "", api.Errorf(api.CodeUsage, "Choose a shorter name with --name.", "the name %q is longer than %d bytes", name, maxName)
}

// numbered is the nth name like the given one: report.md, report-2.md. Of a
// directory a dot is part of the name. It is never longer than maxName.
func numbered(name string, n int, isDir bool) string {
	if n == 1 {
		return name
	}
	stem, ext := name, ""
	if !isDir {
		ext = extension(name)
		stem = strings.TrimSuffix(name, ext)
	}
	number := "-" + strconv.Itoa(n)
	for len(stem)+len(number)+len(ext) > maxName {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	return stem + number + ext
}

// maxExtension is how long an extension can be; what is longer is part of the
// name.
const maxExtension = 16

// extension is what follows the name: .md, .tar.gz. The dot of .env begins a name.
func extension(name string) string {
	ext := path.Ext(name)
	if before := strings.TrimSuffix(name, ext); path.Ext(before) == ".tar" {
		ext = ".tar" + ext
	}
	if stem := strings.TrimSuffix(name, ext); stem == "" || len(ext) > maxExtension || ext == "." {
		return ""
	}
	return ext
}
