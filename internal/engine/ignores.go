package engine

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/botsync/botsync/internal/ignores"
)

// ignoring is what is kept out of one folder. Syncthing asks a file for it, named
// .stignore: folderFS hands it one that is made of the defaults and of the files
// of patterns.
type ignoring struct {
	root  string
	files *ignores.Folder
	kept  *keptDirs
	count ignoredCount

	seen    atomic.Pointer[ignores.Set] // the last that took effect
	counted *ignores.Set                // the last by which was counted; of tendIgnores alone
	before  int                         // likewise: what the set before counted keeps out of the same files; -1 if there is none
	told    toldIgnores                 // likewise: what was told last

	failed atomic.Bool // Syncthing could not do something
	ways   waysBlocked // of tendIgnores alone
}

// ignorings are those of the folders that have any, by their roots, for the file
// systems that Syncthing makes for itself.
var ignorings sync.Map // string → *ignoring

func ignoringOf(root string) *ignoring {
	if v, ok := ignorings.Load(root); ok {
		return v.(*ignoring)
	}
	return nil
}

// keepIgnores reads what is kept out of each folder that wants it, before Syncthing
// does.
func (e *Engine) keepIgnores(folders []Folder) {
	e.ignoring.Lock()
	defer e.ignoring.Unlock()
	wanted := map[string]*ignoring{} // by folder ID
	for _, f := range folders {
		if !f.Ignores {
			continue
		}
		root := filepath.Clean(f.Path)
		if have := e.ignoring.all[f.ID]; have != nil && have.root == root {
			wanted[f.ID] = have
			continue
		}
		i := &ignoring{root: root, files: ignores.Open(root, filepath.Join(e.dir, "ignores-"+f.ID))}
		i.kept = openKept(i, filepath.Join(e.dir, "kept-"+f.ID+".json"))
		i.seen.Store(i.files.Set())
		i.told.read(filepath.Join(e.dir, "told-"+f.ID+".json"))
		wanted[f.ID] = i
	}
	for id, i := range e.ignoring.all {
		if wanted[id] != i {
			ignorings.CompareAndDelete(i.root, i)
		}
	}
	for _, i := range wanted {
		ignorings.Store(i.root, i)
	}
	e.ignoring.all = wanted
}

// ignoringFolders are the folders out of which something is kept, by ID.
type ignoringFolders struct {
	sync.Mutex
	all  map[string]*ignoring
	wake chan struct{}
}

func (i *ignoringFolders) of(folder string) *ignoring {
	i.Lock()
	defer i.Unlock()
	return i.all[folder]
}

// isInternal reports whether a name is Syncthing's own, or one that it writes to
// for a moment.
func isInternal(name string) bool {
	name = filepath.FromSlash(name)
	return fs.IsInternal(name) || fs.IsTemporary(name)
}

// NeverSynced reports whether a path within a folder is one of Syncthing's own, or
// that of an unfinished file, which no device sends to another: also if it is in, or
// looks like, one of these to a file system that does not tell case.
func NeverSynced(name string) bool {
	for name = strings.ToLower(strings.ToUpper(name)); name != "." && name != "/"; name = path.Dir(name) {
		if isInternal(name) {
			return true
		}
	}
	return false
}

// Ignored calls found for what is kept out of a folder below a directory, which is
// "." or empty for all of it, in the order of the names, until it returns false.
func (e *Engine) Ignored(ctx context.Context, folder, below string, found func(ignores.Entry) bool) error {
	i := e.ignoring.of(folder)
	if i == nil {
		return nil
	}
	return i.files.Set().List(ctx, i.root, below, isInternal, found)
}

// Verdict says whether a path within a folder is kept out, and by which rule: the
// path itself, or the first directory above it.
func (e *Engine) Verdict(folder, name string) ignores.Verdict {
	i := e.ignoring.of(folder)
	if i == nil {
		return ignores.Verdict{}
	}
	return i.files.Set().Match(name)
}

// IgnoreError is a file of patterns that cannot be used; those before it hold.
type IgnoreError struct {
	Folder string // name
	ignores.LineError
}

// IgnoreErrors returns which files of patterns cannot be used, and why.
func (e *Engine) IgnoreErrors() []IgnoreError {
	e.ignoring.Lock()
	defer e.ignoring.Unlock()
	var out []IgnoreError
	for id, i := range e.ignoring.all {
		name, _ := e.names.name(id)
		for _, err := range i.files.Errors() {
			out = append(out, IgnoreError{name, *err})
		}
	}
	slices.SortFunc(out, func(a, b IgnoreError) int { return strings.Compare(a.Folder+a.File, b.Folder+b.File) })
	return out
}

// IgnoreRefusal is what [ignores.Set.Refused] says of a folder.
type IgnoreRefusal struct {
	Folder string // name
	Rules  []*ignores.Rule
}

// IgnoresRefused returns the exceptions that name what the device's own file alone
// admits, of the folders that have any.
func (e *Engine) IgnoresRefused() []IgnoreRefusal {
	e.ignoring.Lock()
	defer e.ignoring.Unlock()
	var out []IgnoreRefusal
	for id, i := range e.ignoring.all {
		if rules := i.files.Set().Refused(); len(rules) > 0 {
			name, _ := e.names.name(id)
			out = append(out, IgnoreRefusal{name, rules})
		}
	}
	slices.SortFunc(out, func(a, b IgnoreRefusal) int { return strings.Compare(a.Folder, b.Folder) })
	return out
}
