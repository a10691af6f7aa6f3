package watch

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Usage is how many watches of inotify this process has, and how many its user may
// have: the lower of the limits of the system and of the user namespace, see
// inotify(7) and namespaces(7). It reports false if /proc does not tell.
func Usage() (used, limit int, ok bool) {
	for _, file := range []string{"/proc/sys/fs/inotify/max_user_watches", "/proc/sys/user/max_inotify_watches"} {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && (!ok || n < limit) {
			limit, ok = n, true
		}
	}
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil || len(files) == 0 {
		return 0, 0, false
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil { // it may have been closed
			used += bytes.Count(data, []byte("inotify wd:"))
		}
	}
	return used, limit, ok
}
