package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"

	"github.com/syncthing/syncthing/lib/config"
)

// caseSensitive reports whether names in a directory that differ in case alone
// are different names. That is a matter of its file system: USB sticks and shares
// of Windows are not case-sensitive on Linux either, and some disks are on macOS.
// Where it cannot be told, it is what is usual on this system.
func caseSensitive(dir string) bool {
	for _, there := range []string{filepath.Join(dir, config.DefaultMarkerName), dir} {
		info, err := os.Stat(there)
		other := filepath.Join(filepath.Dir(there), swapCase(filepath.Base(there)))
		if err != nil || other == there {
			continue
		}
		same, err := os.Stat(other)
		return err != nil || !os.SameFile(info, same)
	}
	return runtime.GOOS == "linux"
}

func swapCase(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, name)
}
