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
// that is where another device has a directory with something in it, and a directory
// of its name.
//
// Syncthing decides about each path for itself: a file, written later than a
// directory of the same name, wins, and what the other device has put into the
// directory wins as well. One device then keeps the directory, which is not empty,
// and the other one the file, which is none, and both wait for good.
func (e *Engine) settleKinds(folder string) {
	cfg, ok := e.cfg.Folder(folder)
	if !ok || cfg.Type != config.FolderTypeSendReceive {
		return // what is changed here would not travel: another device does it
	}
	failed, err := e.model.FolderErrors(folder)
	if err != nil {
		return
	}
	settled := map[string]bool{}
	var paths []string
	for _, f := range failed {
		if !strings.Contains(f.Err, notADirectory) && !strings.Contains(f.Err, traversesSymlink) {
			continue
		}
		name, mode, ok := inTheWay(e.db, cfg, f.Path)
		if !ok || settled[name] {
			continue
		}
		settled[name] = true
		if err := makeWay(cfg.Filesystem(), name, mode); err != nil {
			slog.Warn("A file is in the way of a directory", "folder.id", folder, "path", name, "error", err)
			continue
		}
		slog.Info("A directory takes the place of a file, which is kept as a conflict copy", "folder.id", folder, "path", name)
		paths = append(paths, name)
	}
	if len(paths) > 0 {
		_ = e.scan(folder, paths) // else the next one finds it
	}
}

// inTheWay returns what is a file or a link on this device, as the network has agreed
// that it be, above a path that this device lacks; and the mode of the directory that
// a device has there which has the path.
func inTheWay(index fileIndex, cfg config.FolderConfiguration, lacking string) (name string, mode fs.FileMode, ok bool) {
	for name = filepath.Dir(lacking); name != "."; name = filepath.Dir(name) {
		here, found, err := index.GetDeviceFile(cfg.ID, protocol.LocalDeviceID, name)
		if err != nil {
			return "", 0, false
		}
		if !found || here.IsDeleted() {
			continue
		}
		global, found, err := index.GetGlobalFile(cfg.ID, name)
		if err != nil || !found || here.IsDirectory() || here.IsInvalid() || !global.Version.Equal(here.Version) {
			return "", 0, false // it is about to change by itself
		}
		for _, device := range cfg.DeviceIDs() {
			dir, ok, err := index.GetDeviceFile(cfg.ID, device, name)
			in, has, err2 := index.GetDeviceFile(cfg.ID, device, lacking)
			if errors.Join(err, err2) == nil && ok && has && isThere(dir) && isThere(in) && dir.IsDirectory() {
				return name, fs.FileMode(dir.Permissions & 0o777), true
			}
		}
		return "", 0, false
	}
	return "", 0, false
}

func isThere(f protocol.FileInfo) bool { return !f.IsDeleted() && !f.IsInvalid() }

// makeWay makes a conflict copy of a file or link, and a directory of its name.
func makeWay(fsys fs.Filesystem, name string, mode fs.FileMode) error {
	info, err := fsys.Lstat(name)
	if err != nil {
		return fmt.Errorf("looking at what is in the way: %w", err)
	}
	if info.IsDir() {
		return nil // of late
	}
	// folderFS replaces the time and the device by those of the file.
	aside := conflict.Make(filepath.ToSlash(name), time.Now(), protocol.LocalDeviceID.Short().String())
	if err := fsys.Rename(name, filepath.FromSlash(aside)); err != nil {
		return fmt.Errorf("making a conflict copy of what is in the way: %w", err)
	}
	// After a kill here the name is missing, and comes back with what is needed below it.
	if err := fsys.Mkdir(name, mode|0o700); err != nil && !fs.IsExist(err) {
		return fmt.Errorf("making a directory in the place of a file: %w", err)
	}
	return nil
}
