package root

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/botsync/botsync/internal/api"
)

// Rel is a path that a user means, relative to the root and with slashes: from
// the working directory if that is inside of the root, but from the root if it
// begins with the name of a folder. The file need not exist.
func (r *Root) Rel(arg string) (string, error) {
	cwd, err := os.Getwd()
	if err != nil && !filepath.IsAbs(arg) {
		cwd = ""
	}
	dir, realDir := r.dir, resolved(r.dir)
	rel, ok := relative(arg, cwd, dir)
	if !ok {
		// The shell may call directories by other names.
		if filepath.IsAbs(arg) {
			arg = resolved(arg)
		}
		rel, ok = relative(arg, resolved(cwd), realDir)
	}
	if !ok {
		return "", api.Errorf(api.CodeUsage, "Name it from the root, such as inbox/task.md.", "%q is outside of the root %s", arg, r.dir)
	}
	return rel, nil
}

// InState reports whether an absolute path leads into .botsync, by whatever links and
// names. The file need not exist.
func (r *Root) InState(p string) bool {
	state, err := os.Stat(r.StateDir())
	if err != nil {
		return false
	}
	for p = resolved(p); ; p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil && os.SameFile(info, state) {
			return true
		}
		if filepath.Dir(p) == p {
			return false
		}
	}
}

// resolved is a path without links, as far as it exists.
func resolved(p string) string {
	if p == "" {
		return ""
	}
	if real, err := filepath.EvalSymlinks(p); err == nil {
		return real
	}
	parent := filepath.Dir(p)
	if parent == p {
		return p
	}
	return filepath.Join(resolved(parent), filepath.Base(p))
}

// relative is the pure core of Rel.
func relative(arg, cwd, dir string) (string, bool) {
	p := arg
	if !filepath.IsAbs(p) {
		first, _, _ := strings.Cut(filepath.ToSlash(arg), "/")
		switch {
		case arg == "":
			return "", false
		case slices.Contains(Folders, first), !within(cwd, dir) && first != "." && first != "..":
			cwd = dir
		case cwd == "":
			return "", false
		}
		p = filepath.Join(cwd, arg)
	}
	rel, err := filepath.Rel(dir, filepath.Clean(p))
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}
