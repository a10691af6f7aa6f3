package engine

import "github.com/syncthing/syncthing/lib/fs"

// Free is how many bytes can still be written on the disk that holds dir.
func Free(dir string) (uint64, error) {
	usage, err := fs.NewFilesystem(fs.FilesystemTypeBasic, dir).Usage(".")
	return usage.Free, err
}

// Total is how many bytes the disk that holds dir has in all.
func Total(dir string) (uint64, error) {
	usage, err := fs.NewFilesystem(fs.FilesystemTypeBasic, dir).Usage(".")
	return usage.Total, err
}
