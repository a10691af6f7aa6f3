//go:build unix

package root

import (
	"io/fs"
	"os"
	"syscall"
)

func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}

func privateMode(mode fs.FileMode) bool { return mode.Perm()&0o077 == 0 }
