package ignores

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
)

// Entry is something in a folder that is kept out: a file, or a directory with all
// that is in it.
type Entry struct {
	Path string // within the folder, slash-separated
	Dir  bool
	Size int64 // in bytes, of a regular file
	Rule *Rule
}

// List calls found for what is kept out of the folder dir below a path within it,
// which is "." or empty for all of it, in the order of the names, until found
// returns false. There is nothing below what is missing. It goes into no directory that is kept out whole,
// and leaves out what skip reports.
func (s *Set) List(ctx context.Context, dir, below string, skip func(name string) bool, found func(Entry) bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if below == "" {
		below = "."
	}
	return fs.WalkDir(root.FS(), below, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		into := func() error {
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		switch {
		case name == below && errors.Is(err, fs.ErrNotExist) && name != ".":
			return nil
		case name == below && err != nil:
			return err
		case name == ".":
			return nil
		case skip(name):
			return into()
		}
		v := s.Match(name)
		if !v.Ignored || d == nil {
			if err != nil {
				return into() // what cannot be read is not kept out
			}
			return nil
		}
		if d.IsDir() && !v.Whole {
			// Something below it may be admitted; all else is listed by itself, but a
			// directory with nothing in it is not worth it.
			return nil
		}
		e := Entry{Path: path.Clean(name), Dir: d.IsDir(), Rule: v.Rule}
		if d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				e.Size = info.Size()
			}
		}
		if !found(e) {
			return fs.SkipAll
		}
		return into()
	})
}
