package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// fresh is how young the last change of a file must be for somebody to be
// writing to it, when it is come across.
const fresh = openMax

// Tree is a watched directory with all below it.
type Tree struct {
	w      *Watcher
	root   string // absolute, without symbolic links
	top    *dir
	skip   func(string) bool
	queue  *Queue
	failed chan error
	short  chan struct{} // has an element when watches began to be missing

	initial bool // the first reading, which reports nothing
	missing int  // directories that could not be watched for want of watches
	remote  bool
}

// Add watches a directory. Paths for which skip returns true are left out, with
// all below them; skip must be pure. Changes go to queue, but for what is there
// already. If there are not enough watches the tree is good all the same, as far
// as they go, and Limit says so.
func (w *Watcher) Add(root string, skip func(path string) bool, queue *Queue) (*Tree, error) {
	root, err := filepath.Abs(root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return nil, fmt.Errorf("watching: %w", err)
	}
	t := &Tree{w: w, root: root, skip: skip, queue: queue, failed: make(chan error, 1), short: make(chan struct{}, 1), initial: true, remote: isRemote(root)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := t.readAll(); err != nil {
		t.end()
		return nil, err
	}
	t.initial = false
	w.trees[t] = true
	w.schedule()
	return t, nil
}

// Close ends the watch.
func (t *Tree) Close() {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.end()
}

func (t *Tree) end() {
	delete(t.w.trees, t)
	if t.top != nil {
		t.top.tree = nil
		t.w.drop(t.top)
	}
}

// Failed receives an error when the directory is not where it was. The tree has
// to be closed then.
func (t *Tree) Failed() <-chan error { return t.failed }

// Limit returns what keeps some directories from being watched, or nil.
func (t *Tree) Limit() *LimitError {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	if t.missing == 0 {
		return nil
	}
	return errWatches(t.missing)
}

// Limited receives something when Limit has changed from nil to something else.
func (t *Tree) Limited() <-chan struct{} { return t.short }

func (t *Tree) miss() {
	if t.missing++; t.missing == 1 {
		select {
		case t.short <- struct{}{}:
		default:
		}
	}
}

// Remote reports whether other machines may change the directory unnoticed.
func (t *Tree) Remote() bool { return t.remote }

// Reread watches and reads all directories again, and reports the whole tree.
func (t *Tree) Reread() {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.reread()
	t.w.schedule()
}

func (t *Tree) reread() {
	if err := t.readAll(); err != nil {
		t.fail(err)
	}
	t.report(Change{Path: Root, Deep: true})
}

// Unfinished returns the names in a directory, given by its path, of files that
// are being written. What was there before the call is known. Whoever lists a
// directory, as told by a deep change, calls it then, and looks at what is in the
// list after that: from the call on, whatever happens there is reported.
func (t *Tree) Unfinished(dir string) map[string]bool {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.catchUp()
	if len(t.w.writes.files) == 0 || t.top == nil {
		return nil
	}
	d := t.top.find(dir)
	var out map[string]bool
	for e := range t.w.writes.files {
		// An event that came late may mean a file that was there before what is
		// there now: a directory must not be hidden with all that is in it.
		if e.dir == d && t.w.writes.Unfinished(e) && isRegular(filepath.Join(t.root, dir, e.name)) {
			if out == nil {
				out = map[string]bool{}
			}
			out[e.name] = true
		}
	}
	return out
}

// CatchUp reports what has happened before it is called and can be told of already.
func (t *Tree) CatchUp() {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.catchUp()
}

func (t *Tree) report(c Change) {
	if !t.initial {
		t.queue.Add(c)
	}
}

func (t *Tree) skips(p string) bool { return t.skip != nil && t.skip(p) }

func (t *Tree) fail(err error) {
	select {
	case t.failed <- err:
	default:
	}
}

const dirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// readAll watches and reads the root and all below it. Directories that it does
// not find are nowhere.
func (t *Tree) readAll() error {
	t.w.turn++
	t.missing = 0
	fd, err := unix.Open(t.root, dirFlags, 0)
	if err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	defer unix.Close(fd)
	d, err := t.bind(fd, t.root)
	if err != nil {
		return limitError(err)
	}
	if d != t.top {
		if t.top != nil {
			return errRoot
		}
		if old := d.tree; old != nil {
			old.top = nil // it has nothing to close any more
			delete(t.w.trees, old)
		}
		if d.parent != nil || t.w.lost[d] {
			d.detach(time.Time{})
			delete(t.w.lost, d)
		}
		d.tree, t.top = t, d
	}
	t.readDir(d, fd, Root)
	t.sweep(d)
	return nil
}

// sweep loses the directories that the last reading did not find.
func (t *Tree) sweep(d *dir) {
	for _, c := range d.children {
		if c.seen != t.w.turn {
			t.w.lose(c, time.Now())
			continue
		}
		t.sweep(c)
	}
}

// enter watches and reads a directory that has appeared.
func (t *Tree) enter(parent *dir, name, p string) {
	fd, err := t.openBelow(p)
	if err != nil {
		return // gone already, not a directory, or not readable
	}
	defer unix.Close(fd)
	t.w.turn++
	t.enterAt(parent, name, p, fd)
	// While it was nowhere, directories may have left it unseen.
	if d := parent.children[name]; d != nil && d.seen == t.w.turn {
		t.sweep(d)
	}
}

func (t *Tree) enterAt(parent *dir, name, p string, fd int) {
	d, err := t.bind(fd, filepath.Join(t.root, p))
	if errors.Is(err, unix.ENOSPC) {
		t.miss()
		d = nil
	} else if err != nil {
		return
	}
	if d != nil {
		if parent.within(d) || d.tree != nil {
			// Too much has changed since the event that brought us here. The root
			// of a tree is never below another one for long.
			return
		}
		if old := parent.children[name]; old != nil && old != d {
			t.w.lose(old, time.Now())
		}
		d.detach(time.Time{})
		delete(t.w.lost, d)
		d.attach(parent, name)
	}
	t.readDir(d, fd, p)
}

// openBelow opens a directory by its path, through directories alone: a symbolic
// link on the way could lead to another directory of the tree, which would then
// take a false path in the books.
func (t *Tree) openBelow(p string) (int, error) {
	fd, err := unix.Open(t.root, dirFlags, 0)
	for err == nil && p != "" && p != Root {
		var name string
		name, p = cut(p)
		var next int
		next, err = unix.Openat(fd, name, dirFlags, 0)
		unix.Close(fd)
		fd = next
	}
	return fd, err
}

// bind watches an open directory and returns its place in the books, which may
// be another one than that where it was opened.
func (t *Tree) bind(fd int, file string) (*dir, error) {
	wd, err := t.w.add(fmt.Sprintf("/proc/self/fd/%d", fd), mask)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) && !readable("/proc/self/fd") { // there is no /proc
		wd, err = t.w.add(file, mask|unix.IN_DONT_FOLLOW)
	}
	if err != nil {
		return nil, err
	}
	d := t.w.dirs[int32(wd)]
	if d == nil {
		d = &dir{wd: int32(wd)}
		t.w.dirs[d.wd] = d
	}
	d.seen = t.w.turn
	return d, nil
}

func readable(file string) bool { return unix.Access(file, unix.X_OK) == nil }

// readDir reports what is in a directory and enters the directories there. d is
// nil if it could not be watched.
func (t *Tree) readDir(d *dir, fd int, p string) {
	again, err := unix.Openat(fd, ".", dirFlags, 0)
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(again), p)
	entries, _ := f.ReadDir(-1) // as far as it goes: what is not readable cannot be looked at either
	f.Close()
	for _, e := range entries {
		below := join(p, e.Name())
		if t.skips(below) {
			continue
		}
		if !e.IsDir() {
			t.found(d, e, below)
			continue
		}
		t.report(Change{Path: below})
		sub, err := unix.Openat(fd, e.Name(), dirFlags, 0)
		if err != nil {
			continue
		}
		if d == nil {
			t.miss()
			t.readDir(nil, sub, below)
		} else {
			t.enterAt(d, e.Name(), below, sub)
		}
		unix.Close(sub)
	}
}

// found reports a file that was there when its directory was read, unless
// somebody is writing it.
func (t *Tree) found(d *dir, e fs.DirEntry, p string) {
	if d != nil && e.Type().IsRegular() {
		file := filepath.Join(t.root, p)
		key := entry{d, e.Name()}
		if t.w.writes.Unfinished(key) {
			return
		}
		if info, err := os.Lstat(file); err == nil && time.Since(info.ModTime()) < fresh {
			if writersOf(file) == some {
				t.w.writes.Written(key, time.Now())
				return
			}
			if !t.initial { // it may have been written while its directory was nowhere
				t.w.links.note(info, time.Now())
			}
		}
	}
	t.report(Change{Path: p})
}

func isRegular(file string) bool {
	info, err := os.Lstat(file)
	return err == nil && info.Mode().IsRegular()
}
