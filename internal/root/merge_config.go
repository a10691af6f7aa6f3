package root

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Merge says of which files versions in conflict are merged.
type Merge struct {
	// AppendOnly are patterns of files to which programs only add lines. One without
	// a slash is compared with a file's name, another with its path below the root.
	AppendOnly []string `toml:"append_only"`
}

// Merges reports whether the file at a path within a folder is to be merged.
func (m Merge) Merges(folder, file string) bool {
	return slices.ContainsFunc(m.AppendOnly, func(pattern string) bool {
		name := folder + "/" + file
		if !strings.Contains(pattern, "/") {
			name = path.Base(file)
		}
		ok, err := doublestar.Match(pattern, name)
		return err == nil && ok
	})
}

func (m Merge) validate() error {
	if len(m.AppendOnly) > maxPatterns {
		return bad("Leave some out.", "merge: there are more than %d patterns", maxPatterns)
	}
	for _, pattern := range m.AppendOnly {
		if pattern == "" || len(pattern) > maxPattern || !doublestar.ValidatePattern(pattern) || strings.ContainsFunc(pattern, isControl) {
			return bad(`Give one such as "*.jsonl" or "shared/logs/**".`, "merge: %q is no pattern", pattern)
		}
	}
	return nil
}
