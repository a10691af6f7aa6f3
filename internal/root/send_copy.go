package root

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/botsync/botsync/internal/api"
)

// source is a file or directory to be copied.
type source struct {
	dir  *os.Root // nothing outside of it is read
	path string   // within dir
}

func (s source) String() string { return filepath.Join(s.dir.Name(), s.path) }

// open finds the file or directory that a path means, links followed. What
// belongs to botsync itself is refused: .botsync holds the key of this device.
func (r *Root) open(from api.SendSource) (source, error) {
	if !filepath.IsAbs(from.Path) {
		return source{}, api.Errorf(api.CodeUsage, "Give an absolute path.", "%q is not an absolute path", from.Path)
	}
	real, err := filepath.EvalSymlinks(from.Path)
	if err != nil {
		return source{}, unreadable(from.Path, err)
	}
	state, err := filepath.EvalSymlinks(r.StateDir())
	if err != nil {
		return source{}, unusable(r.dir, err)
	}
	if within(real, state) && !within(real, filepath.Join(state, sendName)) || within(state, real) {
		return source{}, api.Errorf(api.CodeUsage, "Send files, or a directory without .botsync in it.",
			"%s holds botsync's own state", from.Path)
	}
	above := from.Within
	if above == "" {
		above = filepath.Dir(real)
	} else if !within(real, above) {
		return source{}, unreadable(from.Path, fmt.Errorf("it leads out of %s", above))
	}
	rel, err := filepath.Rel(above, real)
	if err != nil {
		return source{}, unreadable(from.Path, err)
	}
	dir, err := os.OpenRoot(above)
	if err != nil {
		return source{}, unreadable(from.Path, err)
	}
	return source{dir, rel}, nil
}

// within reports whether a path is dir or below it; both are clean.
func within(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

func unreadable(source string, err error) error {
	var known *api.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	hint := "Check the path and its permissions."
	if errors.Is(err, fs.ErrNotExist) {
		hint = "Check the path."
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return api.Errorf(api.CodeSource, hint, "%s cannot be sent: %v", source, err)
}

func (c *copier) unreadable(from string, err error) error {
	return unreadable(source{c.from, from}.String(), err)
}

// copier copies trees and remembers what it copied.
type copier struct {
	ctx   context.Context
	from  *os.Root // paths of what is copied are within it
	puts  []Put    // of what is below the top by its path, of the top by ""
	later bool     // all is written to disk at once, at the end
}

// copy makes to, which must not exist, the same as from. On disk is what it
// wrote, not only in memory.
func (c *copier) copy(from, to string) error {
	info, err := c.from.Lstat(from)
	if err != nil {
		return c.unreadable(from, err)
	}
	if info.Mode()&fs.ModeSymlink != 0 { // links were followed: somebody put it there since
		return c.unreadable(from, errLeftOut)
	}
	c.later = syncsAll && info.IsDir()
	if err := c.entry(from, to, "", info); err != nil || !c.later {
		return err
	}
	return written(to, syncAll(to))
}

func (c *copier) entry(from, to, rel string, info fs.FileInfo) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	switch {
	case info.Mode().IsRegular():
		return c.file(from, to, rel)
	case info.IsDir():
		return c.tree(from, to, rel, info)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := c.from.Readlink(from)
		if err != nil {
			return c.unreadable(from, err)
		}
		c.puts = append(c.puts, Put{Path: rel})
		return written(to, os.Symlink(target, to))
	}
	return c.unreadable(from, errLeftOut)
}

// modeOwner is what the owner must be able to do while a directory is copied.
const modeOwner fs.FileMode = 0o700

func (c *copier) tree(from, to, rel string, info fs.FileInfo) error {
	entries, err := fs.ReadDir(c.from.FS(), filepath.ToSlash(from))
	if err != nil {
		return c.unreadable(from, err)
	}
	if err := os.Mkdir(to, modePrivate); err != nil {
		return written(to, err)
	}
	c.puts = append(c.puts, Put{Path: rel, Dir: true})
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return c.unreadable(filepath.Join(from, e.Name()), err)
		}
		name := norm.NFC.String(e.Name())
		if e.IsDir() && name == markName || isTemporary(name) {
			continue // the engine's, were a folder to be sent as a whole
		}
		if !utf8.ValidString(name) {
			return c.unreadable(filepath.Join(from, e.Name()), errors.New("its name is not UTF-8, and is not synced"))
		}
		if err := c.entry(filepath.Join(from, e.Name()), filepath.Join(to, name), path.Join(rel, name), info); err != nil {
			return err
		}
	}
	// With the rights of a directory that others may have made: not more than the
	// usual ones, and the owner's.
	return written(to, os.Chmod(to, info.Mode().Perm()|modeOwner))
}

func (c *copier) file(from, to, rel string) (err error) {
	// A FIFO that took the file's place must not be waited for.
	in, err := c.from.OpenFile(from, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return c.unreadable(from, err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return c.unreadable(from, err)
	}
	if !info.Mode().IsRegular() {
		return c.unreadable(from, errLeftOut)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, modeSecret)
	if err != nil {
		return written(to, err)
	}
	defer func() { err = errors.Join(err, written(to, out.Close())) }()
	hash := sha256.New()
	size, err := c.stream(io.MultiWriter(out, hash), in, source{c.from, from}.String(), to)
	if err != nil {
		return err
	}
	err = errors.Join(out.Chmod(info.Mode().Perm()), os.Chtimes(to, info.ModTime(), info.ModTime()))
	if err == nil && !c.later {
		err = out.Sync()
	}
	if err != nil {
		return written(to, err)
	}
	c.puts = append(c.puts, Put{Path: rel, Size: size, SHA256: hex.EncodeToString(hash.Sum(nil))})
	return nil
}

// Spool writes what comes from in, standard input for one, to a file that can be
// sent. The caller must remove its directory.
func (r *Root) Spool(ctx context.Context, in io.Reader) (string, error) {
	if err := os.MkdirAll(r.SendDir(), modePrivate); err != nil {
		return "", unusable(r.dir, err)
	}
	dir, err := os.MkdirTemp(r.SendDir(), "")
	if err != nil {
		return "", unusable(r.dir, err)
	}
	name := filepath.Join(dir, "stdin")
	out, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666) // the umask's mode, as of any new file
	if err != nil {
		return "", errors.Join(unusable(r.dir, err), os.RemoveAll(dir))
	}
	done := make(chan error, 1)
	go func() { // ends with its input, or with the program
		_, err := (&copier{ctx: ctx}).stream(out, in, "standard input", name)
		done <- errors.Join(err, out.Close())
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return name, nil
}

// chunk is how much is copied between two looks at the context, in bytes.
const chunk = 1 << 20

func (c *copier) stream(out io.Writer, in io.Reader, from, to string) (int64, error) {
	buf := make([]byte, chunk)
	var size int64
	for c.ctx.Err() == nil {
		n, err := in.Read(buf)
		if _, failed := out.Write(buf[:n]); failed != nil {
			return size, written(to, failed)
		}
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, unreadable(from, err)
		}
	}
	return size, c.ctx.Err()
}

// written is the error of a write that belongs to a send.
func written(to string, err error) error {
	if err == nil {
		return nil
	}
	return sendError(filepath.Base(to), err)
}
