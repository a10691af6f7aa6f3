package botsynctest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Tree describes everything below dir, a line each: mode, size, modification
// time in nanoseconds and hash of a file, the target of a symbolic link. Two
// directories are the same for a user if their trees are. What Syncthing keeps
// in a folder for itself is left out; the times of directories and links are,
// too, since they are not synced.
func Tree(dir string) ([]string, error) {
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || name == "." {
			return err
		}
		if base := d.Name(); d.IsDir() && base == ".stfolder" {
			return fs.SkipDir
		} else if strings.HasPrefix(base, ".syncthing.") && strings.HasSuffix(base, ".tmp") {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line, err := describe(path, info)
		lines = append(lines, fmt.Sprintf("%q %s", filepath.ToSlash(name), line))
		return err
	})
	slices.Sort(lines)
	return lines, err
}

func describe(path string, info fs.FileInfo) (string, error) {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return mode.String(), nil
	case mode&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return "-> " + target, err
	case !mode.IsRegular():
		return mode.String(), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d bytes %s %s", info.Mode(), info.Size(),
		info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000"), hex.EncodeToString(h.Sum(nil)[:8])), nil
}

// TreeDiff says how two trees differ, "" if they do not. Changes while it looks
// are differences.
func TreeDiff(a, b string) string {
	left, err := Tree(a)
	if err != nil {
		return err.Error()
	}
	right, err := Tree(b)
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	shown := 0
	show := func(sign string, lines, others []string) {
		for _, l := range lines {
			if _, both := slices.BinarySearch(others, l); !both {
				if shown++; shown <= 20 {
					fmt.Fprintf(&out, "%s %s\n", sign, l)
				}
			}
		}
	}
	show("-", left, right)
	show("+", right, left)
	if shown > 20 {
		fmt.Fprintf(&out, "and %d more\n", shown-20)
	}
	return out.String()
}
