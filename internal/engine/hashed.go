package engine

import (
	"bytes"
	"context"
	"path/filepath"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"
)

const (
	// maxHashed is how many files of a folder it is remembered of what they were when
	// they were read.
	maxHashed = 4096
	// maxHashedSize bounds what is read again to be sure, in bytes. Larger files are not
	// made several times within hashedTick.
	maxHashedSize = 16 << 20
	// hashedTick is more than the clocks move at a time that give files their times: 10 ms
	// at most on Linux.
	hashedTick = 50 * time.Millisecond
)

// hashed remembers what the files of a folder were that were read last, to index them.
//
// Syncthing takes a file of the same size and time for the same. A program that writes
// its state elsewhere and renames it over the file, again and again, makes different ones
// that have both the same, since the clock that gives them their times moves every few
// milliseconds, and it takes less than that until a file is read that was announced. The
// last of them would never be noticed. So a file is read again when it is looked at again,
// if it was read in the moment in which it was written, or is another inode.
type hashed struct {
	root  string
	known *lru.Cache[string, hashedFile] // by name
}

type hashedFile struct {
	inode uint64 // 0 where there are none
	size  int64  // in bytes
	time  time.Time
	fresh bool // it was read within hashedTick of that time
}

// hashedByRoot are those of the folders, for the file systems that Syncthing makes for
// itself.
var hashedByRoot sync.Map // string → *hashed

// keepHashed has one for each of the folders, and for no others.
func (e *Engine) keepHashed(folders []config.FolderConfiguration) {
	wanted := map[string]*hashed{}
	for _, f := range folders {
		root := filepath.Clean(f.Path)
		h := e.hashed[f.ID]
		if h == nil || h.root != root {
			h = newHashed(root)
		}
		wanted[f.ID] = h
		hashedByRoot.Store(root, h)
	}
	for id, h := range e.hashed {
		if wanted[id] != h {
			hashedByRoot.CompareAndDelete(h.root, h)
		}
		if wanted[id] == nil {
			e.db.hashedFiles().Delete(id)
		}
	}
	for id, h := range wanted {
		e.db.hashedFiles().Store(id, h)
	}
	e.hashed = wanted
}

func newHashed(root string) *hashed {
	known, _ := lru.New[string, hashedFile](maxHashed) // fails for sizes below 1
	return &hashed{root, known}
}

// hashedOf returns nil for what is no folder.
func hashedOf(root string) *hashed {
	if h, ok := hashedByRoot.Load(root); ok {
		return h.(*hashed)
	}
	return nil
}

// read notes what a file is that is read.
func (h *hashed) read(name string, info fs.FileInfo) {
	if h == nil || info.Size() > maxHashedSize {
		return
	}
	is := hashedFileOf(info)
	if was, ok := h.known.Peek(name); ok && was.fresh && was.inode == is.inode && was.size == is.size && was.time.Equal(is.time) {
		is.fresh = true // a scan asks at the end of reading as well
	}
	h.known.Add(name, is)
}

func hashedFileOf(info fs.FileInfo) hashedFile {
	return hashedFile{inodeOf(info), info.Size(), info.ModTime(), time.Since(info.ModTime()).Abs() < hashedTick}
}

// knows reports whether anything is known of a file, which is to be checked then.
func (h *hashed) knows(name string) bool { return h != nil && h.known.Contains(name) }

// check returns the entry of a file: with another time if the file is another one though
// it looks as the entry says, so that a scan will read it.
func (h *hashed) check(file protocol.FileInfo) protocol.FileInfo {
	name := filepath.Clean(file.Name)
	was, ok := h.known.Peek(name)
	if !ok || file.IsDeleted() || file.IsInvalid() || file.Type != protocol.FileInfoTypeFile || file.Size != was.size {
		return file
	}
	fsys := fs.NewFilesystem(fs.FilesystemTypeBasic, h.root)
	info, err := fsys.Lstat(name)
	if err != nil || !info.IsRegular() {
		return file
	}
	is := hashedFileOf(info)
	if is.size != was.size || !is.time.Equal(was.time) || is.inode == was.inode && !was.fresh {
		return file // a scan sees it, or there is nothing to be seen
	}
	blocks, err := scanner.HashFile(context.Background(), "", fsys, name, file.BlockSize(), nil)
	if err == nil && bytes.Equal(protocol.BlocksHash(blocks), file.BlocksHash) {
		h.known.Add(name, is)
		return file
	}
	file.ModifiedNs ^= 1
	return file
}
