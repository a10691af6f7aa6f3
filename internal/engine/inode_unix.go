//go:build unix

package engine

import (
	"syscall"

	"github.com/syncthing/syncthing/lib/fs"
)

// inodeOf returns the number of a file's inode, 0 if it is not known.
func inodeOf(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino)
	}
	return 0
}
