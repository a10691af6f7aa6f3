package engine

import (
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
)

// filesystemType is that of folderFS.
const filesystemType config.FilesystemType = "botsync"

func init() {
	fs.RegisterFilesystemType(filesystemType.ToFS(), func(root string, opts ...fs.Option) (fs.Filesystem, error) {
		return folderFS{fs.NewFilesystem(fs.FilesystemTypeBasic, root, opts...), filepath.Clean(root), &replacing{}}, nil
	})
}

// folderFS is the file system that Syncthing is given for a folder.
//
// It leaves files that are being written out of listings, and so out of scans of
// whole directories, which would announce half of them. They are there when asked
// for by name: a scan does not take them for deleted. That must not be combined
// with Syncthing's look at the case of names, which takes for deleted what is not
// listed; so it is for Linux alone.
//
// And a file that is replaced is there at all times. Syncthing removes the old
// one, or gives it the name of a conflict copy, before the new one gets its name
// (sendReceiveFolder.performFinish). Who looks between the two finds nothing; and
// after a kill between them, the next scan announces that the user has deleted
// the file.
type folderFS struct {
	fs.Filesystem
	root      string
	replacing *replacing
}

func (f folderFS) DirNames(name string) ([]string, error) {
	names, err := f.Filesystem.DirNames(name)
	if err != nil {
		return names, err
	}
	if unfinished := unfinished(f.root, filepath.Clean(name)); len(unfinished) > 0 {
		names = slices.DeleteFunc(names, func(n string) bool { return unfinished[n] })
	}
	return names, nil
}

func (f folderFS) Chmod(name string, mode fs.FileMode) error {
	if fs.IsTemporary(name) {
		f.replacing.begin(name)
	}
	return f.Filesystem.Chmod(name, mode)
}

func (f folderFS) Lstat(name string) (fs.FileInfo, error) {
	f.replacing.look(name)
	return f.Filesystem.Lstat(name)
}

// Remove leaves a file in place that is about to be replaced.
func (f folderFS) Remove(name string) error {
	if f.replacing.end(name) && f.complete(name) {
		return nil
	}
	return f.Filesystem.Remove(name)
}

// Rename gives a file that is about to be replaced a second name, not another one.
func (f folderFS) Rename(from, to string) error {
	if f.replacing.end(from) && f.complete(from) && os.Link(filepath.Join(f.root, from), filepath.Join(f.root, to)) == nil {
		return nil
	}
	return f.Filesystem.Rename(from, to)
}

// complete reports whether a regular file and what will replace it are there.
func (f folderFS) complete(name string) bool {
	for _, n := range []string{name, fs.TempName(name)} {
		if info, err := f.Filesystem.Lstat(n); err != nil || !info.IsRegular() {
			return false
		}
	}
	return true
}

// replacing tells a file that is to be replaced from one that is to be deleted.
// Syncthing sets the mode of the finished temporary file, looks at the old file
// once, and then does away with it. Before it deletes a file it looks too; so a
// second look means that the first was not followed by what was expected. Files of
// peers that have no modes, on Windows, are not told apart.
type replacing struct {
	mu    sync.Mutex
	temp  string // the temporary file, empty for none
	looks int
}

func (r *replacing) begin(temp string) {
	r.mu.Lock()
	r.temp, r.looks = temp, 0
	r.mu.Unlock()
}

func (r *replacing) look(name string) {
	r.mu.Lock()
	if r.temp != "" && r.temp == fs.TempName(name) {
		r.looks++
	}
	r.mu.Unlock()
}

// end reports whether the file is the one that is being replaced, once.
func (r *replacing) end(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.temp == "" || r.temp != fs.TempName(name) {
		return false
	}
	r.temp = ""
	return r.looks == 1
}
