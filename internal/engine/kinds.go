package engine

import (
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/protocol"
)

// Index takes what a peer has, see checkEntries and mendKinds.
func (m *promptModel) Index(conn protocol.Connection, idx *protocol.Index) error {
	if err := checkEntries(conn, idx.Folder, idx.Files); err != nil {
		return err
	}
	m.mendKinds(conn, idx.Folder, idx.Files)
	return m.Model.Index(conn, idx)
}

// IndexUpdate takes what a peer has changed, likewise.
func (m *promptModel) IndexUpdate(conn protocol.Connection, idx *protocol.IndexUpdate) error {
	if err := checkEntries(conn, idx.Folder, idx.Files); err != nil {
		return err
	}
	m.mendKinds(conn, idx.Folder, idx.Files)
	if f, ok := m.cfg.Folder(idx.Folder); ok {
		m.early.ask(conn, f, idx.Files)
	}
	return m.Model.IndexUpdate(conn, idx)
}

// mendKinds makes a deletion one of a directory if that is what is here.
//
// A peer says what a path was when it was deleted. That may be something else
// than what is to be deleted here: a directory that became a file, of which
// nothing was told before it was gone. Syncthing deletes files first, does not
// delete a directory that it is told was a file, and so keeps that for good
// (sendReceiveFolder.deleteFileWithCurrent). It deletes a file that is said to
// have been a directory.
func (m *promptModel) mendKinds(conn protocol.Connection, folder string, files []protocol.FileInfo) {
	f, ok := m.cfg.Folders()[folder]
	if !ok {
		return
	}
	// A peer may name what is outside, through a link that it has sent before.
	root, err := os.OpenRoot(f.Path)
	if err != nil {
		return // the folder says what is wrong with it
	}
	defer root.Close()
	for i := range files {
		if files[i].IsDeleted() && !files[i].IsDirectory() && m.isDirectory(conn.DeviceID(), folder, root, files[i].Name) {
			files[i].Type = protocol.FileInfoTypeDirectory
		}
	}
}

// isDirectory reports whether a path is a directory here, or will be when all is
// done that the peer has told before.
func (m *promptModel) isDirectory(peer protocol.DeviceID, folder string, root *os.Root, name string) bool {
	if info, err := root.Lstat(filepath.FromSlash(name)); err == nil {
		return info.IsDir()
	}
	before, ok, err := m.index.GetDeviceFile(folder, peer, name)
	return err == nil && ok && !before.IsDeleted() && before.IsDirectory()
}
