package root

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/botsync/botsync/internal/api"
)

// Env names the environment variable that stands for --root.
const Env = "BOTSYNC_ROOT"

// Default is the root of those who name none.
const Default = "~/sync"

// Resolve decides which root is meant: flag if it is not empty, else
// BOTSYNC_ROOT, else ~/sync. The result is absolute. A leading ~ is expanded,
// since no shell does so in --root=~/x, in an environment file or in a unit.
func Resolve(flag string) (string, error) {
	dir, from := flag, "--root"
	if dir == "" {
		dir, from = os.Getenv(Env), Env
	}
	if dir == "" {
		dir, from = Default, "the default root"
	}
	if strings.ContainsRune(dir, 0) {
		return "", api.Errorf(api.CodeUsage, "Name a directory.", "%s contains a NUL byte", from)
	}
	if dir == "~" || strings.HasPrefix(dir, "~/") || strings.HasPrefix(dir, `~\`) {
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return "", api.Errorf(api.CodeUsage, "Name the root with --root or BOTSYNC_ROOT, as an absolute path.",
				"%s is %s, and this user has no home directory", from, dir)
		}
		dir = filepath.Join(home, dir[1:])
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", api.Errorf(api.CodeUsage, "Name the root as an absolute path.",
			"%s is %s, and the working directory cannot be read: %v", from, dir, err)
	}
	return abs, nil
}
