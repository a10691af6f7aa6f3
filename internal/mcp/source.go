package mcp

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

// sourceOf decides whether a file may be sent, and says where it really is. Links
// are followed first: what counts is where they lead. allowed are the directories
// of config.toml's send_from.
func sourceOf(r *root.Root, allowed []string, name string) (api.SendSource, error) {
	if len(name) > maxPath || strings.ContainsRune(name, 0) || name == "" {
		return api.SendSource{}, usage("Name a file.", "this is no path")
	}
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Dir(), path)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil && !lexicallyInside(r, allowed, path) {
		return api.SendSource{}, outside(r, name)
	}
	base := ""
	if err == nil {
		if base = baseOf(r, allowed, real); base == "" {
			return api.SendSource{}, outside(r, name)
		}
	}
	var info fs.FileInfo
	if err == nil {
		info, err = os.Stat(real)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return api.SendSource{}, usage("See list_files for what is there.", "there is no %s", name)
	case err != nil:
		return api.SendSource{}, usage("Name another file.", "%s cannot be read: %v", name, cause(err))
	case !info.Mode().IsRegular() && !info.IsDir():
		return api.SendSource{}, usage("Name a file or a directory.", "%s is neither a file nor a directory", name)
	}
	// Under the name that was asked for, not that of what a link leads to.
	return api.SendSource{Path: real, Name: filepath.Base(path), Within: base}, nil
}

func outside(r *root.Root, name string) error {
	return api.Errorf(api.CodeForbidden,
		"Copy it below "+r.Dir()+" first, or have your user name its directory in send_from, in the section [mcp] of "+r.ConfigPath()+".",
		"%q is outside of what may be sent", name)
}

// bases are the directories from which files may be sent.
func bases(r *root.Root, allowed []string) []string {
	dirs := []string{r.Dir()}
	for _, folder := range root.Folders {
		dirs = append(dirs, r.Folder(folder)) // may be a link that its owner made
	}
	home, _ := os.UserHomeDir()
	for _, dir := range allowed {
		if rest, ok := strings.CutPrefix(dir, "~"); ok {
			if home == "" {
				continue
			}
			dir = filepath.Join(home, rest)
		}
		dirs = append(dirs, filepath.Clean(dir))
	}
	return dirs
}

// baseOf returns the nearest of the bases that holds real, both without links;
// empty if real may not be sent: none holds it, or it is in .botsync or holds it.
func baseOf(r *root.Root, allowed []string, real string) string {
	state, err := filepath.EvalSymlinks(r.StateDir())
	if err != nil || below(real, state) {
		return "" // it holds the key of this device
	}
	stateInfo, err := os.Stat(state)
	if err != nil {
		return ""
	}
	// By identity, too: file systems differ in what names are the same.
	for dir, child := real, ""; dir != child; dir, child = filepath.Dir(dir), dir {
		if info, err := os.Stat(dir); err != nil || os.SameFile(info, stateInfo) {
			return ""
		}
	}
	nearest := ""
	for _, base := range bases(r, allowed) {
		if base, err := filepath.EvalSymlinks(base); err == nil && below(base, real) && len(base) > len(nearest) {
			nearest = base
		}
	}
	return nearest
}

// lexicallyInside is for a path that does not exist.
func lexicallyInside(r *root.Root, allowed []string, path string) bool {
	for _, base := range bases(r, allowed) {
		if below(base, path) {
			return true
		}
	}
	return false
}

// below reports whether path is dir or lies in it, by name.
func below(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// cause is an error without the path, which the message has already.
func cause(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
