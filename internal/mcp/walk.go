package mcp

import (
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/botsync/botsync/internal/root"
)

// maxVisited bounds how many names one call looks at. Whoever lists more pages.
const maxVisited = 200_000

// query is what to list: files below a place, in the order of their paths, after
// a cursor.
type query struct {
	place     place
	pattern   string // as of [path.Match], or empty for all
	recursive bool
	after     string // a path relative to the root
	limit     int
}

// found is a file that a query found.
type found struct {
	path string // relative to the root, slash-separated
	info fs.FileInfo
}

// errFull ends a walk that has found or seen enough.
var errFull = errors.New("enough")

// walk lists files. next is where to go on, if there is more. Symbolic links are
// listed and not followed.
func walk(ctx context.Context, r *root.Root, q query) (files []found, next string, err error) {
	folders := []string{q.place.folder}
	if q.place.folder == "" {
		folders = slices.Sorted(slices.Values(root.Folders))
	}
	w := &walker{ctx: ctx, query: q}
	for _, folder := range folders {
		err = w.folder(r, folder)
		if errors.Is(err, errFull) {
			return w.files, w.last, nil
		}
		// In all folders together one that is missing holds nothing.
		if err != nil && (q.place.folder != "" || !errors.Is(err, fs.ErrNotExist)) {
			return nil, "", err
		}
	}
	return w.files, "", nil
}

type walker struct {
	query
	ctx     context.Context
	files   []found
	visited int
	last    string // that was looked at
}

func (w *walker) folder(r *root.Root, folder string) error {
	dir, err := os.OpenRoot(r.Folder(folder))
	if err != nil {
		return err
	}
	defer dir.Close()
	start := "."
	if w.place.folder != "" {
		start = w.place.rest
	}
	return fs.WalkDir(dir.FS(), start, func(name string, e fs.DirEntry, err error) error {
		switch {
		case w.ctx.Err() != nil:
			return w.ctx.Err()
		case err != nil && name == start:
			return err
		case err != nil:
			return nil // it went, or it is not ours to read
		}
		return w.visit(path.Join(folder, name), name == start, e)
	})
}

func (w *walker) visit(name string, start bool, e fs.DirEntry) error {
	if hidden(e.Name()) && !start {
		return skip(e)
	}
	if start && e.IsDir() {
		return nil
	}
	if w.after != "" && compare(name, w.after) <= 0 {
		if e.IsDir() && (!w.recursive || name != w.after && !strings.HasPrefix(w.after, name+"/")) {
			return fs.SkipDir
		}
		return nil
	}
	if len(w.files) >= w.limit || w.visited >= maxVisited {
		return errFull
	}
	w.visited++
	w.last = name
	// Within a tree directories show by their files.
	if w.matches(name) && (!e.IsDir() || !w.recursive) {
		if info, err := e.Info(); err == nil && shown(info.Mode()) {
			w.files = append(w.files, found{name, info})
		}
	}
	if !w.recursive {
		return skip(e)
	}
	return nil
}

// matches compares the last part of a path with the pattern, or all of it below
// the place if the pattern has slashes.
func (w *walker) matches(name string) bool {
	if w.pattern == "" {
		return true
	}
	part := path.Base(name)
	if strings.Contains(w.pattern, "/") {
		part = strings.TrimPrefix(strings.TrimPrefix(name, w.place.String()), "/")
	}
	ok, _ := path.Match(w.pattern, part)
	return ok
}

// shown reports whether a file is of a kind that is synced.
func shown(mode fs.FileMode) bool {
	return mode.IsRegular() || mode.IsDir() || mode&fs.ModeSymlink != 0
}

// hidden reports whether Syncthing keeps a file for itself: the marker of a
// folder, and what it is receiving.
func hidden(name string) bool {
	return name == ".stfolder" || name == ".stversions" ||
		strings.HasSuffix(name, ".tmp") && (strings.HasPrefix(name, ".syncthing.") || strings.HasPrefix(name, "~syncthing~"))
}

func skip(e fs.DirEntry) error {
	if e.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// compare orders paths as a walk meets them: part by part.
func compare(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) }

// A cursor is opaque to clients, so that its meaning can change.

func cursorOf(name string) string {
	if name == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(name))
}

func readCursor(cursor string) (string, error) {
	name, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", usage("Pass next_cursor of the answer before, or leave it out to begin anew.", "the cursor %q is none of this tool's", cursor)
	}
	return string(name), nil
}
