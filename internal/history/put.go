package history

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Content is what is put into a folder.
type Content struct {
	Open     func() (io.ReadCloser, error) // of a file
	Target   string                        // of a symbolic link
	Symlink  bool
	Size     int64 // of a file, in bytes: what has another size is refused
	Mode     fs.FileMode
	Modified time.Time
}

// Content is what a version holds.
func (s *Store) Content(v Version) (Content, error) {
	c := Content{Symlink: v.Symlink, Size: v.Size, Mode: v.Mode, Modified: v.Modified}
	if v.Symlink {
		var err error
		c.Target, err = s.Target(v)
		return c, err
	}
	c.Open = func() (io.ReadCloser, error) { return s.Open(v) }
	return c, s.check(v)
}

// ErrInTheWay says that something stands where a file belongs that is no file, or
// where its directory does.
var ErrInTheWay = errors.New("something else is in its place")

// tempName marks unfinished files in a folder. Syncthing leaves such files alone,
// and removes them after a day.
const tempName = ".syncthing.botsync-"

// Put puts content at a path within a folder, in one step: whoever looks there,
// also after a kill, finds what was there before or all of the new. What is there
// before is handed to keep, which is told where it is within the folder and makes it
// safe; if that fails nothing changes. So it is with what programs put there while
// the content is written, which takes a while. May is asked just before it is done.
// No link in the folder is followed.
//
// The file gets the time of now, not its own: it is a change that is made now. Of
// two changes that do not know of each other, such as this one and a deletion, the
// later one wins; and what has the size and time that an index knows, a scan takes
// for unchanged.
func Put(folder *os.Root, name string, c Content, may func() error, keep func(at string) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("restoring %s: %w", name, err)
		}
	}()
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) || local == "." {
		return ErrPath
	}
	// Where the deletion of a directory is pending, Syncthing removes unfinished files
	// in it, and the directory if it is empty.
	for tries := 1; ; tries++ {
		if err = put(folder, name, local, c, may, keep); !errors.Is(err, fs.ErrNotExist) || tries == putTries {
			return err
		}
	}
}

// putTries is how often a file is written that somebody removes before it has its
// name.
const putTries = 5

func put(folder *os.Root, name, local string, c Content, may func() error, keep func(at string) error) (err error) {
	if err := makeDirs(folder, path.Dir(name)); err != nil {
		return err
	}
	if _, err := inPlace(folder, local); err != nil {
		return err
	}
	temp := filepath.Join(filepath.Dir(local), tempName+rand.Text()+".tmp")
	defer func() {
		if err != nil && !errors.Is(err, errAside) {
			err = errors.Join(err, ignoreMissing(folder.Remove(temp)))
		}
	}()
	if c.Symlink {
		err = folder.Symlink(c.Target, temp)
	} else {
		err = writeTemp(folder, temp, c)
	}
	if err != nil {
		return err
	}
	return replace(folder, name, filepath.Base(temp), may, keep)
}

// inPlace is what is at a path, nil if nothing is.
func inPlace(folder *os.Root, local string) (fs.FileInfo, error) {
	info, err := folder.Lstat(local)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0:
		return nil, ErrInTheWay
	}
	return info, nil
}

// makeDirs makes the directory of a file.
func makeDirs(folder *os.Root, dir string) error {
	return makeIn(folder, dir, 0o777)
}

// makeIn makes a directory, and those above it, and follows no link.
func makeIn(top *os.Root, dir string, mode fs.FileMode) error {
	if dir == "." {
		return nil
	}
	if err := noLinks(top, dir); err != nil {
		return err
	}
	err := top.MkdirAll(filepath.FromSlash(dir), mode)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist) {
		return ErrInTheWay
	}
	return err
}

// noLinks refuses a directory that is reached by a link: Syncthing follows none.
func noLinks(folder *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	parts := strings.Split(dir, "/")
	for i := range parts {
		info, err := folder.Lstat(filepath.Join(parts[:i+1]...))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if errors.Is(err, syscall.ENOTDIR) || err == nil && !info.IsDir() {
			return ErrInTheWay
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func writeTemp(folder *os.Root, temp string, c Content) (err error) {
	in, err := c.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := folder.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(copyAll(out, in, c), out.Close())
}

// copyAll writes content onto the disk: what is renamed before that can be empty
// after a loss of power, and would then be announced so.
func copyAll(out *os.File, in io.Reader, c Content) error {
	n, err := io.Copy(out, in)
	if err == nil && n != c.Size {
		err = fmt.Errorf("it has %d bytes, and should have %d", n, c.Size)
	}
	if err == nil {
		err = out.Chmod(c.Mode.Perm())
	}
	if err == nil {
		err = out.Sync()
	}
	return err
}

// Export writes content to a file of the user's that must not exist yet.
func Export(file string, c Content) (err error) {
	if c.Symlink {
		return os.Symlink(c.Target, file)
	}
	in, err := c.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(file), ".tmp-"+filepath.Base(file)[:min(len(filepath.Base(file)), 100)]+"-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(out.Name()))) }()
	if err := errors.Join(copyAll(out, in, c), out.Close()); err != nil {
		return err
	}
	if err := os.Chtimes(out.Name(), c.Modified, c.Modified); err != nil {
		return err
	}
	err = os.Link(out.Name(), file) // which replaces nothing
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, there := os.Lstat(file); there == nil { // a file system without links
		return fs.ErrExist
	}
	return os.Rename(out.Name(), file)
}
