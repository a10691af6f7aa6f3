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
	// linkShare is the part of the time, one in so many, that is spent on that, and
	// doubtShare where it is not known that there is such a file: mostly it is one
	// that was made for a moment.
	linkShare  = 10
	doubtShare = 50
)

// inode is a file, whatever its names are.
type inode struct{ dev, ino uint64 }

// links are the files with several names that have changed. inotify tells of the
// name alone by which that was done, so that the others are looked for. That name
// may have been gone before anybody could look what file it was of: then it is one
// of those that have changed since.
type links struct {
	changed map[inode]bool
	since   time.Time // of a change of nobody knows which file; zero if there was none
	due     time.Time // when to look for them; zero if there are none
	ended   time.Time // the last search, and how long it took
	took    time.Duration
}

// coarse is more than what the kernel's times of files lag behind the clock: a tick.
const coarse = 20 * time.Millisecond

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
	}
	l.changed[inodeOf(info)] = true
	l.wait(now, linkShare)
}

// doubt takes a file that has changed since a time, and whose name is gone.
func (l *links) doubt(since, now time.Time) {
	l.since = earlier(l.since, since.Add(-coarse))
	l.wait(now, doubtShare)
}

func (l *links) wait(now time.Time, share time.Duration) {
	l.due = earlier(l.due, later(now.Add(linkWait), l.ended.Add(share*l.took)))
}

// take returns what is to be looked for now; nil if there is nothing.
func (l *links) take(now time.Time) *links {
	if l.due.IsZero() || now.Before(l.due) {
		return nil
	}
	out := *l
	*l = links{ended: l.ended, took: l.took}
	return &out
}

// has reports whether a file may be one of those.
func (l *links) has(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	return st.Nlink > 1 && l.changed[inodeOf(info)] || !l.since.IsZero() && !time.Unix(st.Ctim.Unix()).Before(l.since)
}

// reportLinks reports all names of files. It must be called without mu.
func (w *Watcher) reportLinks(files *links) {
	if files == nil {
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
	w.links.ended, w.links.took = now, now.Sub(start)
}

// names returns the paths of files.
func (t *Tree) names(files *links) []string {
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
		if info, err := e.Info(); err == nil && e.Type().IsRegular() && files.has(info) {
			out = append(out, p)
		}
		return nil
	})
	return out
}
