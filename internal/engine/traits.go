package engine

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
)

// traits are what the file system of a folder makes of names and modes. USB sticks and
// shares of Windows are other than the system's own disk, on Linux too.
type traits struct {
	caseSensitive bool // names that differ in case alone are different names
	modes         bool // files have the modes that they are given
}

// traitsOf makes a file in a directory and looks at what became of it. Where there is no
// directory, all is as it is usual on this system; and where no file can be made, modes are
// not to be believed: nothing is lost by that, and on another disk all would be announced.
func traitsOf(dir string) traits {
	usual := traits{caseSensitive: runtime.GOOS == "linux", modes: runtime.GOOS != "windows"}
	// A name of which Syncthing takes no notice, and neither does the watch.
	path := filepath.Join(dir, fs.TempName("botsync-"+rand.Text()))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		_, err := os.Stat(dir)
		usual.modes = usual.modes && err != nil
		usual.caseSensitive = caseSensitive(filepath.Join(dir, config.DefaultMarkerName), usual.caseSensitive)
		return usual
	}
	defer os.Remove(path)
	defer f.Close()
	// Nobody else has made a file of the other name; and one file that is asked for under
	// two names can look like two, with FUSE.
	_, err = os.Lstat(otherCase(path))
	usual.caseSensitive = err != nil
	if usual.modes {
		for _, mode := range []os.FileMode{0o600, 0o710} {
			_ = f.Chmod(mode)
			if info, err := f.Stat(); err == nil && info.Mode().Perm() != mode {
				usual.modes = false
			}
		}
	}
	return usual
}

// otherDisk reports whether the disk of a folder is another one than it was taken for: it
// may have been mounted since.
func otherDisk(cfg config.FolderConfiguration) bool {
	if _, err := os.Stat(filepath.Join(cfg.Path, config.DefaultMarkerName)); err != nil {
		return false // it is not there yet
	}
	is := traitsOf(cfg.Path)
	return is.caseSensitive != cfg.CaseSensitiveFS || is.modes == cfg.IgnorePerms
}

// caseSensitive reports whether what is at a path is there under that name alone.
func caseSensitive(path string, unknown bool) bool {
	info, err := os.Stat(path)
	if err != nil {
		return unknown
	}
	other, err := os.Stat(otherCase(path))
	return err != nil || !os.SameFile(info, other)
}

// otherCase is a path with the last name in the other case.
func otherCase(path string) string {
	return filepath.Join(filepath.Dir(path), strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, filepath.Base(path)))
}
