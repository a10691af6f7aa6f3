package engine

import (
	"bytes"
	"fmt"
	"iter"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
)

// fileIndex is what is read of Syncthing's database about single files.
type fileIndex interface {
	GetDeviceFile(folder string, device protocol.DeviceID, file string) (protocol.FileInfo, bool, error)
	GetGlobalFile(folder string, file string) (protocol.FileInfo, bool, error)
	AllNeededGlobalFiles(folder string, device protocol.DeviceID, order config.PullOrder, limit, offset int) (iter.Seq[protocol.FileInfo], func() error)
	AllLocalFilesWithPrefix(folder string, device protocol.DeviceID, prefix string) (iter.Seq[protocol.FileInfo], func() error)
	below(folder, prefix string) (iter.Seq[protocol.FileInfo], func() error)
}

// File is what the index says about a file, symbolic link or directory.
type File struct {
	Path       string // within the folder, slash-separated
	Directory  bool
	Symlink    bool
	Deleted    bool
	Size       int64
	Modified   time.Time
	ModifiedBy string // short ID of the device that made the change, see ShortID
	Version    FileVersion
}

// FileVersion is one version of a file.
type FileVersion struct {
	vector protocol.Vector
	hash   []byte // of its contents, nil for what has none
}

// SameContents reports whether two versions are known to hold the same bytes. Those of
// which it is not known may do so as well.
func (v FileVersion) SameContents(w FileVersion) bool {
	return len(v.hash) > 0 && bytes.Equal(v.hash, w.hash)
}

func newFile(f protocol.FileInfo) File {
	return File{Path: filepath.ToSlash(f.Name), Directory: f.IsDirectory(), Symlink: f.IsSymlink(),
		Deleted: f.IsDeleted(), Size: f.Size, Modified: f.ModTime(), ModifiedBy: f.ModifiedBy.String(), Version: FileVersion{f.Version, f.BlocksHash}}
}

// Presence says whether a file is on this device.
type Presence int

// What can be known of a file.
const (
	Unknown    Presence = iota // no device has told of it, or it was deleted
	Incomplete                 // another device has it, or has another version of it
	Present                    // it is here as the network knows it
)

// File looks up the file at a path within a folder. What it returns with Unknown
// or Incomplete is not on this device.
func (e *Engine) File(folder, name string) (File, Presence, error) {
	local := filepath.FromSlash(name)
	global, ok, err := e.db.GetGlobalFile(folder, local)
	if err != nil {
		return File{}, Unknown, fmt.Errorf("looking up %s: %w", name, err)
	}
	if !ok || global.IsDeleted() || global.IsInvalid() {
		return File{}, Unknown, nil
	}
	here, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, local)
	if err != nil {
		return File{}, Unknown, fmt.Errorf("looking up %s: %w", name, err)
	}
	if !ok || here.IsDeleted() || here.IsInvalid() || !here.Version.Equal(global.Version) {
		return newFile(global), Incomplete, nil
	}
	return newFile(here), Present, nil
}

// Local returns what this device has at a path within a folder, or had, if it was
// deleted; false if there is nothing in its index.
func (e *Engine) Local(folder, name string) (File, bool, error) {
	f, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, filepath.FromSlash(name))
	if err != nil {
		return File{}, false, fmt.Errorf("looking up %s: %w", name, err)
	}
	return newFile(f), ok && !f.IsInvalid(), nil
}

// Connected reports whether a peer is connected.
func (e *Engine) Connected(peer string) bool {
	_, ok := e.connection(peer)
	return ok
}

// Below returns what is on this device below a directory, "." for the folder
// itself, without the directories.
func (e *Engine) Below(folder, dir string) ([]File, error) {
	prefix := ""
	if dir != "." {
		prefix = filepath.FromSlash(dir) + string(filepath.Separator)
	}
	var out []File
	files, failed := e.db.below(folder, prefix)
	for f := range files {
		if !f.IsDirectory() && !f.IsDeleted() && !f.IsInvalid() && strings.HasPrefix(f.Name, prefix) {
			out = append(out, newFile(f))
		}
	}
	if err := failed(); err != nil {
		return nil, fmt.Errorf("looking below %s: %w", dir, err)
	}
	return out, nil
}

// LackingBelow returns what this device lacks below a directory, "." for the
// folder itself, with at most names names.
func (e *Engine) LackingBelow(folder, dir string, names int) (Completion, error) {
	out := Completion{Connected: true, Known: true}
	need, err := e.model.NeedSize(folder, protocol.LocalDeviceID)
	if err != nil {
		return out, fmt.Errorf("reading what is lacking: %w", err)
	}
	if need.TotalItems() == 0 {
		return out, nil
	}
	label, _ := e.names.name(folder)
	files, failed := e.db.AllNeededGlobalFiles(folder, protocol.LocalDeviceID, config.PullOrderAlphabetic, 0, 0)
	for f := range files {
		name := filepath.ToSlash(f.Name)
		if dir != "." && name != dir && !strings.HasPrefix(name, dir+"/") {
			continue
		}
		out.NeedItems++
		if !f.IsDeleted() {
			out.NeedBytes += f.Size
		}
		if len(out.Names) < names {
			out.Names = append(out.Names, path.Join(label, name))
		}
	}
	if err := failed(); err != nil {
		return out, fmt.Errorf("reading what is lacking: %w", err)
	}
	return out, nil
}

// Has reports whether a peer has told that it has a version of a file, or had
// it: what it made of it since, a deletion for one, has a version above it.
func (e *Engine) Has(peer, folder, name string, v FileVersion) (bool, error) {
	device, err := protocol.DeviceIDFromString(peer)
	if err != nil {
		return false, fmt.Errorf("looking up a peer's %s: %w", name, err)
	}
	f, ok, err := e.db.GetDeviceFile(folder, device, filepath.FromSlash(name))
	if err != nil {
		return false, fmt.Errorf("looking up a peer's %s: %w", name, err)
	}
	return ok && has(f, v), nil
}

// has reports whether a device with the entry f of a file has come by version v
// of it. An entry that is not valid is of a file that the device leaves out or
// has yet to look at, unless it was changed where changes do not travel. One that
// was killed between the name of a file and the note
// of its version finds it at its start, takes it for its own, and tells of another
// version with the same contents.
func has(f protocol.FileInfo, v FileVersion) bool {
	same := len(v.hash) > 0 && bytes.Equal(f.BlocksHash, v.hash)
	return replaced(f, v) || !f.IsInvalid() && (same || f.Version.GreaterEqual(v.vector))
}
