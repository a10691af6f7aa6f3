package engine

import (
	iofs "io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Loss is content that is about to go from a folder because a peer has changed or
// deleted it.
type Loss struct {
	Folder  string // name
	Path    string // within the folder, slash-separated
	By      string // short ID of the device that made the change; empty if it is not known
	Deleted bool   // nothing takes its place
	From    string // where it is now, within the folder; empty for Path
	// Stays says that the file lives on under another name, where programs can
	// write to it: a link to it would change with it.
	Stays bool
}

// lossKeeper keeps what is about to go from one folder.
type lossKeeper struct {
	id, name string // of the folder
	index    globalIndex
	keep     func(Loss) error
	mu       sync.Mutex
	kept     map[string]iofs.FileInfo // by name: files that something is about to take the place of
}

// globalIndex is what tells who made the change that is on its way.
type globalIndex interface {
	GetGlobalFile(folder, name string) (protocol.FileInfo, bool, error)
}

// lossKeepers are those of the folders, by their roots, for the file systems that
// Syncthing makes for itself.
var lossKeepers sync.Map // string → *lossKeeper

// keepLosses has everything kept that goes from the folders, and from no others.
func (e *Engine) keepLosses(folders []config.FolderConfiguration) {
	wanted := map[string]*lossKeeper{}
	for _, f := range folders {
		if name, ok := e.names.name(f.ID); ok && e.onLoss != nil {
			wanted[filepath.Clean(f.Path)] = &lossKeeper{id: f.ID, name: name, index: e.db, keep: e.onLoss, kept: map[string]iofs.FileInfo{}}
		}
	}
	for root := range e.losses {
		if wanted[root] == nil {
			lossKeepers.Delete(root)
		}
	}
	for root, k := range wanted {
		lossKeepers.Store(root, k)
	}
	e.losses = wanted
}

func keeperOfLosses(root string) (*lossKeeper, bool) {
	v, ok := lossKeepers.Load(root)
	if !ok {
		return nil, false
	}
	return v.(*lossKeeper), true
}

// loss says who is about to change a file, and how.
func (k *lossKeeper) loss(name string) Loss {
	out := Loss{Folder: k.name, Path: filepath.ToSlash(name), Deleted: true}
	global, ok, err := k.index.GetGlobalFile(k.id, name)
	if err == nil && ok {
		out.By, out.Deleted = global.ModifiedBy.String(), global.IsDeleted()
	}
	return out
}

// keepLoss keeps what has a name in the folder, unless nobody has asked for that,
// and returns what it has kept, nil for nothing. An error means that it must not
// go.
func (f folderFS) keepLoss(name string, stays bool) (iofs.FileInfo, error) {
	k, ok := keeperOfLosses(f.root)
	if !ok || fs.IsTemporary(name) || fs.IsInternal(name) || f.goesUnkept(name) {
		return nil, nil
	}
	info, err := os.Lstat(filepath.Join(f.root, name))
	if err != nil || !info.Mode().IsRegular() && info.Mode()&iofs.ModeSymlink == 0 {
		return nil, nil // there is nothing to keep, or what comes next says what is wrong
	}
	loss := k.loss(name)
	loss.Stays = stays
	return info, k.keep(loss)
}

// keepReplaced keeps a file that stays until something takes its place.
func (f folderFS) keepReplaced(name string) error {
	kept, err := f.keepLoss(name, false)
	if k, ok := keeperOfLosses(f.root); ok && kept != nil && err == nil {
		k.note(name, kept)
	}
	return err
}

// keptAlready notes that a file was kept which stays until something takes its place.
func (f folderFS) keptAlready(name string) {
	k, ok := keeperOfLosses(f.root)
	if info, err := os.Lstat(filepath.Join(f.root, name)); ok && err == nil {
		k.note(name, info)
	}
}

func (k *lossKeeper) note(name string, info iofs.FileInfo) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept) >= maxKept {
		clear(k.kept) // they were never replaced
	}
	k.kept[name] = info
}

func (k *lossKeeper) take(name string) iofs.FileInfo {
	k.mu.Lock()
	defer k.mu.Unlock()
	info := k.kept[name]
	delete(k.kept, name)
	return info
}

// maxKept is how many files are about to be replaced at a time, at most. Syncthing
// replaces one after the other.
const maxKept = 1000
