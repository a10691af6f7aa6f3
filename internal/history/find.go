package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Version is a version that is kept.
type Version struct {
	Folder   string      `json:"folder"`
	Path     string      `json:"path"`              // within the folder, slash-separated
	Time     time.Time   `json:"time"`              // when something took its place, to the microsecond
	By       string      `json:"by,omitempty"`      // short ID of the device that did that; empty if it is not known
	Deleted  bool        `json:"deleted,omitempty"` // nothing took its place
	Symlink  bool        `json:"symlink,omitempty"`
	Size     int64       `json:"size"`     // in bytes
	Modified time.Time   `json:"modified"` // of the file
	Mode     fs.FileMode `json:"mode"`     // its permissions
	File     string      `json:"file"`     // where it is in its store, slash-separated
}

// Query chooses versions. Its zero value chooses all of a folder.
type Query struct {
	Folder string
	Path   string    // this file, or all below this directory; empty for the whole folder
	By     string    // short ID of the device that made the version go
	Since  time.Time // not before
	Until  time.Time // not after; zero for no end
	Limit  int       // the latest so many; 0 for all
}

func (q Query) wants(p string, at time.Time, by string) bool {
	return (q.By == "" || q.By == by) && !at.Before(q.Since) && (q.Until.IsZero() || !at.After(q.Until)) && (q.Path == "" || p == q.Path || strings.HasPrefix(p, q.Path+"/"))
}

// Find returns versions by the time at which they went, the earliest first.
func (s *Store) Find(ctx context.Context, q Query) ([]Version, error) {
	if !validFolder(q.Folder) || q.Path != "" && !filepath.IsLocal(filepath.FromSlash(q.Path)) {
		return nil, fmt.Errorf("looking for versions: %w", ErrPath)
	}
	if q.Path = path.Clean(q.Path); q.Path == "." {
		q.Path = ""
	}
	var found []Version
	err := s.each(ctx, q.Folder, q.Path, func(e entry) {
		if !q.wants(e.path, e.at, e.by) {
			return
		}
		info, err := e.info()
		if err != nil {
			return // it was swept away meanwhile
		}
		found = append(found, Version{Folder: q.Folder, Path: e.path, Time: e.at, By: e.by, Deleted: e.deleted,
			Symlink: info.Mode()&fs.ModeSymlink != 0, Size: info.Size(), Modified: info.ModTime(), Mode: info.Mode().Perm(), File: e.file})
	})
	if err != nil {
		return nil, fmt.Errorf("looking for versions: %w", err)
	}
	slices.SortFunc(found, func(a, b Version) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Path, b.Path)) })
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[len(found)-q.Limit:]
	}
	return slices.Clip(found), nil
}

// Open opens the file of a version, for reading. Of a symbolic link use Target.
func (s *Store) Open(v Version) (*os.File, error) {
	dir, err := s.dirOfVersion(v)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Open(path.Base(v.File))
}

// Target is where a symbolic link led.
func (s *Store) Target(v Version) (string, error) {
	dir, err := s.dirOfVersion(v)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	return dir.Readlink(path.Base(v.File))
}

// check sees to it that a version, which another device may have named, is one.
func (s *Store) check(v Version) error {
	dir, err := s.dirOfVersion(v)
	if err != nil {
		return err
	}
	return dir.Close()
}

// dirOfVersion opens the directory of what has proved to be a version.
func (s *Store) dirOfVersion(v Version) (*os.Root, error) {
	if !filepath.IsLocal(filepath.FromSlash(v.File)) {
		return nil, ErrPath
	}
	if _, _, _, _, ok := ParseName(path.Base(v.File)); !ok {
		return nil, ErrPath
	}
	dir, err := s.dirOf(v.File)
	if err != nil {
		return nil, err
	}
	info, err := dir.Lstat(path.Base(v.File))
	if err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 || err == nil && v.Symlink == info.Mode().IsRegular() {
		err = ErrPath
	}
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

func (s *Store) abs(file string) string { return filepath.Join(s.dir, filepath.FromSlash(file)) }

// entry is what the name of a version says.
type entry struct {
	path    string
	at      time.Time
	by      string
	deleted bool
	file    string // in the store, slash-separated

	info func() (fs.FileInfo, error) // of the file, to be called at once
}

// each calls fn for the versions of a folder, of a path and of what is below it
// at least, in no order. Directories that go meanwhile are no error.
func (s *Store) each(ctx context.Context, folder, below string, fn func(entry)) error {
	if below != "" {
		if err := s.eachIn(ctx, folder, path.Dir(below), path.Base(below), fn); err != nil {
			return err
		}
	}
	return errors.Join(s.eachIn(ctx, folder, cmp.Or(below, "."), "", fn), s.eachLong(ctx, folder, fn))
}

// eachIn looks at a directory: at all that is in and below it, or, if only is not
// empty, at the versions of that file in it.
func (s *Store) eachIn(ctx context.Context, folder, dir, only string, fn func(entry)) error {
	list, open, err := s.list(path.Join(folder, dir))
	if open == nil {
		return err
	}
	var dirs []string
	for _, e := range list {
		if ctx.Err() != nil {
			break
		}
		if e.IsDir() {
			dirs = append(dirs, e.Name())
			continue
		}
		if base, at, by, gone, ok := ParseName(e.Name()); ok && (only == "" || base == only) {
			fn(entry{path.Join(dir, base), at, by, gone, path.Join(folder, dir, e.Name()), func() (fs.FileInfo, error) { return open.Lstat(e.Name()) }})
		}
	}
	// Not to have open more and more, the deeper it goes.
	if err := errors.Join(ctx.Err(), open.Close()); err != nil || only != "" {
		return err
	}
	for _, name := range dirs {
		if err := s.eachIn(ctx, folder, path.Join(dir, name), "", fn); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) eachLong(ctx context.Context, folder string, fn func(entry)) error {
	dir := path.Join(longDir, folder)
	list, open, err := s.list(dir)
	if open == nil {
		return err
	}
	defer open.Close()
	paths := map[string]string{} // by hash
	for _, e := range list {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		hash, at, by, gone, ok := ParseName(e.Name())
		if !ok || e.IsDir() {
			continue
		}
		p, known := paths[hash]
		if !known {
			data, err := open.ReadFile(hash + pathFile)
			if p = string(data); err != nil || longName(p) != hash || !filepath.IsLocal(filepath.FromSlash(p)) {
				p = ""
			}
			paths[hash] = p
		}
		if p != "" {
			fn(entry{p, at, by, gone, path.Join(dir, e.Name()), func() (fs.FileInfo, error) { return open.Lstat(e.Name()) }})
		}
	}
	return nil
}
