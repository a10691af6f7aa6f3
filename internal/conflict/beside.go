package conflict

import (
	"fmt"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// Beside is an ordinary name for a version, beside that of its file: report.md of
// "laptop" becomes report-laptop-20261122-101112.md. The n-th such name differs from
// the others. It is the same on every device that knows the same.
func Beside(file string, modified time.Time, device string, n int) string {
	dir, name := path.Split(file)
	ext := path.Ext(name)
	if len(ext) > maxExt || ext == name {
		ext = ""
	}
	mark := "-" + plain(device) + "-" + modified.UTC().Format(timeLayout)
	if n > 1 {
		mark += fmt.Sprintf("-%d", n)
	}
	stem := name[:len(name)-len(ext)]
	if len(stem)+len(mark)+len(ext) > maxName {
		stem = shorten(stem, name, maxName-len(mark)-len(ext))
	}
	return dir + stem + mark + ext
}

// plain leaves of the name of a device what needs no quotes in any shell.
func plain(device string) string {
	device = strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') {
			return r
		}
		return '-'
	}, device)
	device = strings.Trim(device[:min(len(device), 32)], "-")
	if device == "" {
		return "other"
	}
	return device
}
