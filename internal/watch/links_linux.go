package watch

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// linkWait is how long a change of a file with several names waits for others
	// before its names are looked for.
	linkWait = 100 * time.Millisecond
	// linkShare is the part of the time, one in so many, that is spent on that.
	linkShare = 10
)

// inode is a file, whatever its names are.
type inode struct{ dev, ino uint64 }

// links are the files with several names that have changed. inotify tells of the
// name alone by which that was done, so that the others are looked for.
type links struct {
	changed map[inode]bool
	due     time.Time // when to look for them; zero if there are none
	rested  time.Time // when the last search was one part in linkShare of the time
}

// linkCount returns how many names a file has.
func linkCount(info fs.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(st.Nlink)
}

func inodeOf(info fs.FileInfo) inode {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return inode{}
	}
	return inode{uint64(st.Dev), uint64(st.Ino)} // not everywhere of this type
}

// note takes a file that has changed.
func (l *links) note(info fs.FileInfo, now time.Time) {
	if linkCount(info) < 2 {
		return
	}
	if l.changed == nil {
		l.changed = map[inode]bool{}
		l.due = later(now.Add(linkWait), l.rested)
	}
	l.changed[inodeOf(info)] = true
}

// take returns the files whose names are to be looked for now.
func (l *links) take(now time.Time) map[inode]bool {
	if l.due.IsZero() || now.Before(l.due) {
		return nil
	}
	changed := l.changed
	l.changed, l.due = nil, time.Time{}
	return changed
}

// reportLinks reports all names of files. It must be called without mu.
func (w *Watcher) reportLinks(files map[inode]bool) {
	if len(files) == 0 {
		return
	}
	w.mu.Lock()
	var trees []*Tree
	for t := range w.trees {
		trees = append(trees, t)
	}
	w.mu.Unlock()
	start := time.Now()
	for _, t := range trees {
		for _, p := range t.names(files) {
			t.report(Change{Path: p})
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.links.rested = now.Add(linkShare * now.Sub(start))
}

// names returns the paths of files.
func (t *Tree) names(files map[inode]bool) []string {
	var out []string
	_ = filepath.WalkDir(t.root, func(file string, e fs.DirEntry, err error) error {
		select {
		case <-t.w.done:
			return fs.SkipAll
		default:
		}
		if err != nil || file == t.root {
			return nil // as far as it goes
		}
		p, err := filepath.Rel(t.root, file)
		if err == nil && t.skips(p) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := e.Info(); err == nil && e.Type().IsRegular() && linkCount(info) > 1 && files[inodeOf(info)] {
			out = append(out, p)
		}
		return nil
	})
	return out
}
