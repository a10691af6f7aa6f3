package mcp

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/botsync/botsync/internal/root"
)

// maxPath bounds a path that a client names, in bytes: PATH_MAX of Linux.
const maxPath = 4096

// place is a directory or file of a synced folder. The zero place is all
// folders.
type place struct {
	folder string // shared, deliverables or inbox
	rest   string // within it, slash-separated and clean; "." for the folder itself
}

func (p place) String() string { return path.Join(p.folder, p.rest) }

// placeOf reads a path that a client named: relative to the root or absolute.
// Whatever is not in a synced folder is refused, by its name alone; that no link
// leads out of the folder is up to [os.Root].
func placeOf(rootDir, name string) (place, error) {
	const hint = "Name a path below shared/, deliverables/ or inbox/, relative to the root."
	if len(name) > maxPath || strings.ContainsRune(name, 0) {
		return place{}, usage(hint, "this is no path")
	}
	local := filepath.FromSlash(name)
	if filepath.IsAbs(local) {
		rel, err := filepath.Rel(rootDir, local)
		if err != nil {
			return place{}, usage(hint, "%q is outside of the root %s", name, rootDir)
		}
		local = rel
	}
	if local = filepath.Clean(local); local == "." {
		return place{}, nil
	}
	if !filepath.IsLocal(local) {
		return place{}, usage(hint, "%q is outside of the root %s", name, rootDir)
	}
	folder, rest, _ := strings.Cut(filepath.ToSlash(local), "/")
	if !slices.Contains(root.Folders, folder) {
		return place{}, usage(hint, "%q is not in a synced folder", name)
	}
	return place{folder, path.Clean(rest)}, nil
}
