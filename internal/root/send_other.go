//go:build !linux && !darwin

package root

import "os"

// rename gives staged a name in dir that nothing has; fs.ErrExist if something
// has it.
func rename(staged string, dir *os.Root, name string, isDir bool) error {
	return renameSlowly(staged, dir, name, isDir)
}

// syncsAll says that each file is written to disk by itself.
const syncsAll = false

func syncAll(string) error { return nil }
