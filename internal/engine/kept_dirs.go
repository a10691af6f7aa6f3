package engine

import (
	"encoding/json"
	"errors"
	iofs "io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/botsync/botsync/internal/atomicfile"
	"github.com/botsync/botsync/internal/ignores"
)

// keptDirs are the directories of a folder that peers have deleted and that stay
// here, since they hold what is kept out and not deletable: a repository, a key.
//
// Syncthing would try again for ever to delete them, with an error, and this device
// would never be in sync. So as long as such a directory holds nothing else, folderFS
// shows it to nobody: Syncthing takes it for deleted, as the peers have it. Once it
// holds something that syncs, or nothing, it is there again, like a new one.
type keptDirs struct {
	of   *ignoring
	path string // of the file that remembers them

	mu   sync.Mutex
	dirs map[string]bool // within the folder, slash-separated
}

// KeptDir is a directory that peers have deleted, and what it is kept for.
type KeptDir struct {
	Path  string // within the folder, slash-separated
	Holds string // the first that is kept out, likewise
	Rule  *ignores.Rule
}

func openKept(of *ignoring, path string) *keptDirs {
	k := &keptDirs{of: of, path: path, dirs: map[string]bool{}}
	data, err := os.ReadFile(path)
	var dirs []string
	if err == nil && json.Unmarshal(data, &dirs) == nil {
		for _, d := range dirs {
			k.dirs[d] = true
		}
	}
	return k
}

// keep hides directories, and remembers that. Those that hold something else are
// left out.
func (k *keptDirs) keep(dirs []string) (hidden []string) {
	set := k.of.files.Set()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, d := range dirs {
		if _, ok := onlyIgnored(k.of.root, d, set); ok && !k.dirs[d] {
			k.dirs[d] = true
			hidden = append(hidden, d)
		}
	}
	if hidden != nil {
		k.save()
	}
	return hidden
}

// save is called with mu held. If it fails, the directories come back after a
// restart, as new ones.
func (k *keptDirs) save() {
	dirs := []string{}
	for d := range k.dirs {
		dirs = append(dirs, d)
	}
	slices.Sort(dirs)
	if data, err := json.Marshal(dirs); err == nil {
		_ = atomicfile.Write(k.path, data, 0o600)
	}
}

// hides reports whether a directory is one that nobody sees.
func (k *keptDirs) hides(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hidesHeld(name)
}

func (k *keptDirs) hidesHeld(name string) bool {
	if !k.dirs[name] {
		return false
	}
	if _, ok := onlyIgnored(k.of.root, name, k.of.files.Set()); ok {
		return true
	}
	delete(k.dirs, name)
	k.save()
	return false
}

// release shows a directory and those above it again, because something is about
// to be made in it.
func (k *keptDirs) release(name string) (was bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for ; name != "." && name != "/"; name = path.Dir(name) {
		was = was || k.dirs[name]
		delete(k.dirs, name)
	}
	if was {
		k.save()
	}
	return was
}

// above returns the directories above a path that are hidden no more, now that
// there is something in them: they have to be looked at as well.
func (k *keptDirs) above(name string) (shown []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for d := path.Dir(name); d != "." && d != "/" && len(k.dirs) > 0; d = path.Dir(d) {
		if k.dirs[d] && !k.hidesHeld(d) {
			shown = append(shown, d)
		}
	}
	return shown
}

// list returns what is hidden, by path.
func (k *keptDirs) list() []KeptDir {
	set := k.of.files.Set()
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []KeptDir
	for d := range k.dirs {
		if why, ok := onlyIgnored(k.of.root, d, set); ok {
			out = append(out, why)
		}
	}
	slices.SortFunc(out, func(a, b KeptDir) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// onlyIgnored reports whether a directory holds something that is kept out, and
// nothing else but directories of that kind. It looks no further than it must.
func onlyIgnored(root, dir string, set *ignores.Set) (KeptDir, bool) {
	kept, only := KeptDir{Path: dir}, true
	at, err := os.OpenRoot(root)
	if err != nil {
		return kept, false
	}
	defer at.Close()
	if info, err := at.Lstat(filepath.FromSlash(dir)); err != nil || !info.IsDir() {
		return kept, false
	}
	err = iofs.WalkDir(at.FS(), dir, func(name string, d iofs.DirEntry, err error) error {
		if err != nil {
			only = false
			return iofs.SkipAll
		}
		v := set.Match(name)
		switch {
		case name == dir, d.IsDir() && !v.Ignored:
			return nil
		case !v.Ignored && !isInternal(name):
			only = false
			return iofs.SkipAll
		case v.Rule != nil && (kept.Rule == nil || kept.Rule.Deletable && !v.Rule.Deletable):
			kept.Holds, kept.Rule = name, v.Rule
		}
		if d.IsDir() {
			if v.Whole {
				return iofs.SkipDir
			}
		}
		return nil
	})
	return kept, err == nil && only && kept.Rule != nil
}

// hidden returns the error of a name that is not there, if it is one of a directory
// that nobody is to see.
func (f folderFS) hidden(name string) error {
	if i := ignoringOf(f.root); i != nil && i.kept.hides(filepath.ToSlash(filepath.Clean(name))) {
		return &os.PathError{Op: "lstat", Path: name, Err: syscall.ENOENT}
	}
	return nil
}

// visible leaves the directories out of a listing that nobody is to see.
func (f folderFS) visible(dir string, names []string) []string {
	i := ignoringOf(f.root)
	if i == nil || i.kept.none() {
		return names
	}
	return slices.DeleteFunc(names, func(n string) bool {
		return i.kept.hides(path.Join(filepath.ToSlash(filepath.Clean(dir)), n))
	})
}

func (k *keptDirs) none() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.dirs) == 0
}

// Mkdir makes a directory, or shows one again that was hidden.
func (f folderFS) Mkdir(name string, perm fs.FileMode) error {
	if i := ignoringOf(f.root); i != nil && i.kept.release(filepath.ToSlash(filepath.Clean(name))) {
		if _, err := f.Filesystem.Lstat(name); err == nil {
			return f.Filesystem.Chmod(name, perm)
		}
	}
	return f.noticed(name, f.Filesystem.Mkdir(name, perm))
}

// MkdirAll is Mkdir for a directory and those above it.
func (f folderFS) MkdirAll(name string, perm fs.FileMode) error {
	if i := ignoringOf(f.root); i != nil {
		i.kept.release(filepath.ToSlash(filepath.Clean(name)))
	}
	if _, err := f.Filesystem.Lstat(name); errors.Is(err, syscall.ENAMETOOLONG) {
		return err // else as many would be made as fit
	}
	return f.noticed(name, f.Filesystem.MkdirAll(name, perm))
}

// errSpared is why a file is not deleted with the directory around it.
var errSpared = errors.New(spared)

// spare reports whether a file must stay that Syncthing is about to delete with a
// directory around it.
func (f folderFS) spare(name string) bool {
	i := ignoringOf(f.root)
	if i == nil || isInternal(name) {
		return false
	}
	_, precious := i.files.Set().Precious(filepath.ToSlash(name))
	return precious
}

// goesUnkept reports whether a file is of a kind that is deleted with the
// directory around it and of which nothing is to be kept: it is made again.
func (f folderFS) goesUnkept(name string) bool {
	i := ignoringOf(f.root)
	if i == nil {
		return false
	}
	v := i.files.Set().Match(filepath.ToSlash(name))
	return v.Ignored && v.Rule.Deletable && v.Rule.Class != ignores.Own
}
