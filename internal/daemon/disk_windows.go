package daemon

import (
	"path/filepath"
	"strings"
)

// deviceOf names the volume that holds a directory.
func deviceOf(dir string) (string, error) {
	at, err := filepath.EvalSymlinks(dir)
	return strings.ToLower(filepath.VolumeName(at)), err
}
