package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/conflict"
)

// What Syncthing says of a file that it cannot write because something above it is
// no directory (osutil.TraversesSymlink, sendReceiveFolder.checkParent).
const (
	notADirectory    = "checking parent dirs: not a directory"
	traversesSymlink = "checking parent dirs: traverses symlink"
)

// settleKinds gives way to directories. It makes a conflict copy of each file or link
// that has been for some time where another device has a directory with something in
// it, and a directory of its name.
//
// Syncthing decides about each path for itself: a file, written later than a
// directory of the same name, wins, and what the other device has put into the
// directory wins as well. One device then keeps the directory, which is not empty,
// and the other one the file, which is none, and both wait for good.
func (e *Engine) settleKinds(folder string, i *ignoring) {
	failed := i.failed.Swap(false)
	now := time.Now()
	if !failed && !i.ways.due(now) {
		return
	}
	cfg, ok := e.cfg.Folder(folder)
	if !ok || cfg.Type != config.FolderTypeSendReceive {
		i.ways = waysBlocked{} // what is changed here would not travel: another device does it
		return
	}
	look := func(lacking string) (*inWay, string) { return inTheWay(e.db, cfg, e.id.Short(), lacking) }
	if failed {
		if all, err := e.model.FolderErrors(folder); err == nil {
			var lacking []string
			for _, f := range all {
				if strings.Contains(f.Err, notADirectory) || strings.Contains(f.Err, traversesSymlink) {
					lacking = append(lacking, f.Path)
				}
			}
			i.ways.note(lacking, now, look)
		}
	}
	var paths []string
	for _, w := range i.ways.take(now, look) {
		made, err := makeWay(cfg.Filesystem(), w, cfg.IgnorePerms)
		if err != nil {
			slog.Warn("A file is in the way of a directory", "folder.id", folder, "path", w.name, "error", err)
		}
		if made {
			slog.Info("A directory takes the place of a file, which is kept as a conflict copy", "folder.id", folder, "path", w.name)
		}
		paths = append(paths, w.name)
	}
	if len(paths) > 0 {
		_ = e.scan(folder, paths) // else the next one finds it
	}
}

// inWay is a file or link that is where a directory has to be.
type inWay struct {
	name    string
	lacking string            // a path below it
	here    protocol.FileInfo // what it is, as the network has agreed
	dir     protocol.FileInfo // what a device has there that has the path
	// told says whether who made it has told so itself, and so what else it has.
	told bool
	// state is another one after anything was told about one of the two paths.
	state string
}

// inTheWay returns what is a file or a link on this device, as the network has agreed
// that it be, above a path that this device lacks, and that has to give way to a
// directory of another device. If there is no such thing, refused is what is no
// directory above the path, if anything.
//
// Who replaces a directory by a file tells of the file first, and of what was in the
// directory when all the folder is looked through. Nothing has to give way until then.
func inTheWay(index fileIndex, cfg config.FolderConfiguration, self protocol.ShortID, lacking string) (w *inWay, refused string) {
	wanted, found, err := index.GetGlobalFile(cfg.ID, lacking)
	if err != nil || !found || !isThere(wanted) {
		return nil, ""
	}
	for name := filepath.Dir(lacking); name != "."; name = filepath.Dir(name) {
		here, found, err := index.GetDeviceFile(cfg.ID, protocol.LocalDeviceID, name)
		if err != nil {
			return nil, ""
		}
		if !found || here.IsDeleted() {
			continue
		}
		global, found, err := index.GetGlobalFile(cfg.ID, name)
		if err != nil || !found || here.IsDirectory() || here.IsInvalid() || !global.Version.Equal(here.Version) {
			return nil, name // it is about to change by itself
		}
		w := &inWay{name: name, lacking: lacking, here: here, told: here.ModifiedBy == self}
		state := []string{here.Version.String(), wanted.Version.String()}
		for _, device := range cfg.DeviceIDs() {
			above, ok, err := index.GetDeviceFile(cfg.ID, device, name)
			in, has, err2 := index.GetDeviceFile(cfg.ID, device, lacking)
			if errors.Join(err, err2) != nil {
				return nil, name
			}
			state = append(state, fmt.Sprint(device.Short(), ok, above.Deleted, above.Version, has, in.Deleted, in.Version))
			agrees := ok && isThere(above) && above.Version.Equal(here.Version)
			has = has && isThere(in) && in.Version.Equal(wanted.Version)
			author := device.Short() == here.ModifiedBy
			if (agrees || author) && has {
				return nil, name // it has not told all yet
			}
			w.told = w.told || agrees && author
			if has && ok && isThere(above) && above.IsDirectory() && w.dir.Name == "" {
				w.dir = above
			}
		}
		w.state = strings.Join(state, "\n")
		if w.dir.Name == "" {
			return nil, name
		}
		return w, ""
	}
	return nil, ""
}

func isThere(f protocol.FileInfo) bool { return !f.IsDeleted() && !f.IsInvalid() }

// makeWay makes a conflict copy of a file or link, and a directory of its name. It
// does nothing if something else is there, or above it, than the index says.
func makeWay(fsys fs.Filesystem, w *inWay, ignorePerms bool) (made bool, err error) {
	if err := osutil.TraversesSymlink(fsys, filepath.Dir(w.name)); err != nil {
		return false, fmt.Errorf("looking at what is above it: %w", err)
	}
	info, err := fsys.Lstat(w.name)
	if err != nil {
		return false, fmt.Errorf("looking at what is in the way: %w", err)
	}
	if info.IsSymlink() != w.here.IsSymlink() || info.IsRegular() == w.here.IsSymlink() {
		return false, nil // of late
	}
	// folderFS replaces the time and the device by those of the file.
	aside := conflict.Make(filepath.ToSlash(w.name), time.Now(), protocol.LocalDeviceID.Short().String())
	if err := fsys.Rename(w.name, filepath.FromSlash(aside)); err != nil {
		return false, fmt.Errorf("making a conflict copy of what is in the way: %w", err)
	}
	// After a kill here the name is missing, and comes back with what is needed below it.
	if err := fsys.Mkdir(w.name, 0o777); fs.IsExist(err) {
		return true, nil
	} else if err != nil {
		return false, fmt.Errorf("making a directory in the place of a file: %w", err)
	}
	if w.dir.NoPermissions || ignorePerms {
		return true, nil
	}
	// The mode travels with the directory, so the umask of this device must not be in it.
	if err := fsys.Chmod(w.name, fs.FileMode(w.dir.Permissions&0o777)); err != nil {
		return true, fmt.Errorf("giving a directory its mode: %w", err)
	}
	return true, nil
}
