package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/atomicfile"
)

// Usage is what the versions take.
type Usage struct {
	Bytes int64
	Count int
}

// leftover is how old an unfinished file has to be to be one that a kill left.
const leftover = time.Hour

// Sweep removes what is beyond the limits, and returns what is left. It looks at
// every version once; what is kept meanwhile stays. How old they are age says, and
// what the clock of the file system shows now.
func (s *Store) Sweep(ctx context.Context, limits Limits, age func(time.Time) time.Duration, now time.Time) (Usage, error) {
	var all []Kept
	folders, err := s.folders()
	if err != nil {
		return Usage{}, fmt.Errorf("sweeping versions: %w", err)
	}
	for _, folder := range folders {
		err := s.each(ctx, folder, "", func(e entry) {
			if info, err := e.info(); err == nil {
				all = append(all, Kept{Path: folder + "/" + e.path, Time: e.at, Deleted: e.deleted, Size: info.Size(), File: e.file})
			}
		})
		if err != nil {
			return Usage{}, fmt.Errorf("sweeping versions: %w", err)
		}
	}
	pinned, all := split(all, func(k Kept) bool { return s.isPinned(k.File) })
	gone, stay := limits.Excess(all, age)
	stay = append(stay, pinned...)
	var errs []error
	for _, k := range gone {
		if ctx.Err() != nil {
			return Usage{}, ctx.Err()
		}
		if s.isPinned(k.File) { // meanwhile
			stay = append(stay, k)
			continue
		}
		if err := s.remove(k.File); err != nil {
			errs = append(errs, err)
			stay = append(stay, k)
			continue
		}
		s.prune(path.Dir(k.File))
	}
	s.clean(now)
	if len(errs) > 0 {
		err = fmt.Errorf("sweeping versions: %d could not be removed: %w", len(errs), errs[0])
	}
	return Usage{sum(stay), len(stay)}, err
}

// folders are those of which there are versions.
func (s *Store) folders() ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, dir := range []string{".", longDir} {
		list, open, err := s.list(dir)
		if open == nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		_ = open.Close()
		for _, e := range list {
			if e.IsDir() && validFolder(e.Name()) && !seen[e.Name()] {
				seen[e.Name()] = true
				out = append(out, e.Name())
			}
		}
	}
	return out, nil
}

// prune removes a directory that is empty, and those above it that are then.
func (s *Store) prune(dir string) {
	top, err := s.open()
	if err != nil {
		return
	}
	defer top.Close()
	for ; dir != "."; dir = path.Dir(dir) {
		if noLinks(top, dir) != nil || top.Remove(filepath.FromSlash(dir)) != nil {
			return
		}
	}
}

// clean removes unfinished files, and the paths of long names that have no version
// any more.
func (s *Store) clean(now time.Time) {
	list, open, _ := s.list(".")
	if open == nil {
		return
	}
	defer open.Close()
	for _, e := range list {
		info, err := open.Lstat(e.Name())
		if err == nil && info.Mode().IsRegular() && strings.HasPrefix(e.Name(), atomicfile.TempPrefix) && now.Sub(info.ModTime()) > leftover {
			_ = open.Remove(e.Name())
		}
	}
	folders, longs, _ := s.list(longDir)
	if longs == nil {
		return
	}
	_ = longs.Close()
	for _, folder := range folders {
		s.cleanLong(path.Join(longDir, folder.Name()), now)
	}
}

func (s *Store) cleanLong(dir string, now time.Time) {
	s.long.Lock()
	defer s.long.Unlock()
	list, open, _ := s.list(dir)
	if open == nil {
		return
	}
	defer open.Close()
	used := map[string]bool{}
	for _, e := range list {
		if hash, _, _, _, ok := ParseName(e.Name()); ok {
			used[hash] = true
		}
	}
	for _, e := range list {
		hash, isPath := strings.CutSuffix(e.Name(), pathFile)
		info, err := open.Lstat(e.Name())
		// One that is young may be that of a version which is being made.
		if isPath && !used[hash] && err == nil && now.Sub(info.ModTime()) > leftover {
			_ = open.Remove(e.Name())
		}
	}
	if len(list) == 0 {
		s.prune(dir)
	}
}

// Drop removes a version, which may be gone already.
func (s *Store) Drop(v Version) error {
	if err := s.check(v); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("removing a version: %w", err)
	}
	if err := s.remove(v.File); err != nil {
		return fmt.Errorf("removing a version: %w", err)
	}
	s.prune(path.Dir(v.File))
	return nil
}
