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
	"sync"
	"syscall"
	"time"

	"github.com/botsync/botsync/internal/atomicfile"
)

// Item is content that is about to go.
type Item struct {
	From    string // the file, absolute
	Folder  string // name of the folder that it is in
	Path    string // within the folder, slash-separated
	By      string // short ID of the device that makes it go; empty if not known
	Deleted bool   // nothing takes its place
	Stays   bool   // it lives on under another name, so that a version is not it but a copy
	At      time.Time
}

// Store is a directory of versions. It can be used by several goroutines.
type Store struct {
	dir   string
	added func(bytes int64) // may be nil
	link  func(from, to string) error

	mu     sync.Mutex
	last   time.Time             // that was given to a version
	recent map[string]recentFile // by folder and path
	pins   map[string]pin        // by where it is in the store

	long sync.Mutex // held while the paths of long names are written or removed
}

// recentFile is a file that was kept by a link.
type recentFile struct {
	info    fs.FileInfo
	version string // in the store, slash-separated
	by      string
	deleted bool
	at      time.Time
}

// maxRecent bounds the files that are remembered, so that what is tried again and
// again is not kept again and again.
const maxRecent = 4096

// NewStore returns the store in dir, which is made when something is kept. It
// calls added, which must not block, with the size of each version that is new.
func NewStore(dir string, added func(bytes int64)) *Store {
	return &Store{dir: dir, added: added, link: os.Link, recent: map[string]recentFile{}}
}

// Dir is the directory of the store.
func (s *Store) Dir() string { return s.dir }

// ErrPath says that a path does not lie in a folder.
var ErrPath = errors.New("it is no path within a folder")

// Keep makes a version of a file or symbolic link. What is gone already, and what
// is neither, is left alone. When it returns without an error the content is safe,
// whatever happens to the file.
func (s *Store) Keep(it Item) error {
	if err := s.keep(it); err != nil {
		return fmt.Errorf("keeping a version of %s: %w", it.Path, err)
	}
	return nil
}

func (s *Store) keep(it Item) error {
	if !filepath.IsLocal(filepath.FromSlash(it.Path)) || !validFolder(it.Folder) {
		return ErrPath
	}
	info, err := os.Lstat(it.From)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	symlink := info.Mode()&fs.ModeSymlink != 0
	if !symlink && !info.Mode().IsRegular() {
		return nil
	}
	if !it.Stays && s.isKept(it, info) {
		return nil
	}
	at := s.tick(it.At)
	to, err := s.putAt(it, info, at, false)
	if isNoPlace(err) {
		to, err = s.putAt(it, info, at, true)
	}
	if err != nil {
		return err
	}
	if !it.Stays && !symlink {
		s.remember(it, info, to, at)
	}
	if s.added != nil {
		s.added(info.Size())
	}
	return nil
}

// isNoPlace reports whether a version cannot be where it belongs: a path is too
// long, or something of its name is there.
func isNoPlace(err error) bool {
	return errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist) || errors.Is(err, ErrInTheWay)
}

// tick is a time that no other version has.
func (s *Store) tick(at time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	at = at.Truncate(time.Microsecond)
	if d := s.last.Sub(at); d >= 0 && d < inTurn {
		at = s.last.Add(time.Microsecond)
	}
	s.last = at
	return at
}

// sameTry is how far apart attempts at one change are at most: what is kept later is
// what the file was until then.
const sameTry = 3 * time.Second

// isKept reports whether a file is a version already, of an attempt that came to
// nothing. A version of another change, or of long ago, gets the name that it has to
// have now: it is what the file was until now, and a program may have written to it.
func (s *Store) isKept(it Item, info fs.FileInfo) bool {
	s.mu.Lock()
	r, ok := s.recent[it.Folder+"/"+it.Path]
	s.mu.Unlock()
	if !ok || !os.SameFile(r.info, info) {
		return false
	}
	kept, err := s.lstat(r.version)
	if err != nil || !os.SameFile(kept, info) {
		return false
	}
	if r.by == it.By && r.deleted == it.Deleted && it.At.Sub(r.at).Abs() < sameTry {
		return true
	}
	if s.isPinned(r.version) {
		return false // whoever holds it looks for it there
	}
	dir, err := s.dirOf(r.version)
	if err != nil {
		return false
	}
	defer dir.Close()
	base, _, _, _, _ := ParseName(path.Base(r.version))
	at := s.tick(it.At)
	name := Name(base, at, it.By, it.Deleted)
	if dir.Rename(path.Base(r.version), name) != nil {
		return false
	}
	s.remember(it, info, path.Join(path.Dir(r.version), name), at)
	return true
}

func (s *Store) remember(it Item, info fs.FileInfo, version string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.recent) >= maxRecent {
		clear(s.recent)
	}
	s.recent[it.Folder+"/"+it.Path] = recentFile{info, version, it.By, it.Deleted, at}
}

// putAt makes the version, and returns where it is. With long it is by a hash of
// the path.
func (s *Store) putAt(it Item, info fs.FileInfo, at time.Time, long bool) (string, error) {
	if !long && !isLong(it.Path) {
		to := path.Join(it.Folder, path.Dir(it.Path), Name(path.Base(it.Path), at, it.By, it.Deleted))
		if len(s.abs(to)) > maxFile {
			return "", syscall.ENAMETOOLONG
		}
		return to, s.put(it, info, to)
	}
	to := path.Join(longDir, it.Folder, Name(longName(it.Path), at, it.By, it.Deleted))
	if err := s.sayPath(it); err != nil {
		return "", err
	}
	if err := s.put(it, info, to); err != nil {
		return "", err
	}
	// The path of a version that was not there yet may have been removed.
	return to, s.sayPath(it)
}

// sayPath writes the path of a file beside its versions.
func (s *Store) sayPath(it Item) error {
	s.long.Lock()
	defer s.long.Unlock()
	says := path.Join(longDir, it.Folder, longName(it.Path)+pathFile)
	if data, err := s.read(says); err == nil && string(data) == it.Path {
		return nil
	}
	top, err := s.ready(path.Dir(says))
	if err != nil {
		return err
	}
	return errors.Join(top.Close(), atomicfile.Write(s.abs(says), []byte(it.Path), 0o600))
}

// put makes the version at a name. A directory that is swept away at this moment,
// because it is empty, is made again.
func (s *Store) put(it Item, info fs.FileInfo, to string) error {
	for tries := 0; ; tries++ {
		top, err := s.ready(path.Dir(to))
		if err == nil {
			err = errors.Join(s.make(it, info, top, filepath.FromSlash(to)), top.Close())
		}
		if tries < 3 && errors.Is(err, fs.ErrNotExist) {
			if _, gone := os.Lstat(it.From); errors.Is(gone, fs.ErrNotExist) {
				return nil
			}
			continue
		}
		return err
	}
}

func (s *Store) make(it Item, info fs.FileInfo, top *os.Root, to string) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(it.From)
		if err != nil {
			return err
		}
		return top.Symlink(target, to)
	}
	if !it.Stays {
		err := s.linkIn(it.From, top, to)
		if err == nil || errors.Is(err, fs.ErrNotExist) || isNoPlace(err) || errors.Is(err, syscall.ENOSPC) {
			return err
		}
	}
	return s.copy(it, info, top, to)
}

// linkIn makes a link in the store to a file that is elsewhere. There is no call for
// that which follows no link on its way, so it is made at the top first.
func (s *Store) linkIn(from string, top *os.Root, to string) error {
	temp := atomicfile.TempPrefix + rand.Text()
	if err := s.link(from, filepath.Join(s.dir, temp)); err != nil {
		return err
	}
	return errors.Join(top.Link(temp, to), ignoreMissing(top.Remove(temp)))
}

// copy makes a version that is no link. It has its name when it is complete.
func (s *Store) copy(it Item, info fs.FileInfo, top *os.Root, to string) (err error) {
	in, err := os.Open(it.From)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(s.dir, atomicfile.TempPrefix+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(out.Name())))
		}
	}()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := out.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	if !it.Stays {
		// There will be no other.
		if err := out.Sync(); err != nil {
			return err
		}
	}
	if err := os.Chtimes(out.Name(), info.ModTime(), info.ModTime()); err != nil {
		return err
	}
	return top.Rename(filepath.Base(out.Name()), to)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// validFolder reports whether versions of a folder can have a directory of that
// name: not one of the store's own.
func validFolder(name string) bool {
	return name != "" && name[0] != '.' && filepath.IsLocal(name) && filepath.Base(name) == name
}
