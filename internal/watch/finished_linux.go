package watch

import (
	"path"
	"path/filepath"
	"time"
)

// Finished reports whether a file, given by its path and the time of its last
// change, is as somebody wanted to leave it: nobody is writing it, or it is one
// that is reported though it is open. Whoever reads a file asks afterwards; if
// the answer is no, what was read may be half of it, and the file will be
// reported again.
//
// It asks for writers too, beside what inotify has told: a file that is opened to
// be written anew is empty for as long as it takes to free what was in it, before
// inotify tells anything.
func (t *Tree) Finished(p string, modified time.Time) bool {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.catchUp()
	if t.top == nil {
		return true
	}
	d := t.top.find(path.Dir(p))
	if d == nil {
		return true // it is not watched
	}
	key := entry{d, path.Base(p)}
	if f := t.w.writes.files[key]; f != nil && f.open {
		return f.shown
	}
	// A file that was open for long, and is not written to, is a database.
	now := time.Now()
	if now.Sub(modified) >= fresh || writersOf(filepath.Join(t.root, p)) != some {
		return true
	}
	t.w.writes.Written(key, now)
	t.w.schedule()
	return false
}
