package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lostFor is how long a directory that was moved away stays watched, in case
	// it appears elsewhere.
	lostFor = time.Second
	// Of writes that follow each other so closely that each wakes us alone, the
	// kernel puts those together that we leave it the time for.
	modifyStreak = 32
	modifyPause  = 2 * time.Millisecond
)

// Watcher is an inotify instance. It serves any number of trees.
type Watcher struct {
	file *os.File
	add  func(path string, mask uint32) (wd int, err error) // inotify_add_watch, or what a test has instead

	mu     sync.Mutex
	buf    []byte
	dirs   map[int32]*dir // by watch descriptor
	trees  map[*Tree]bool
	lost   map[*dir]bool // directories that are nowhere
	writes Writes[entry]
	links  links
	moved  move
	wrote  map[entry]bool // names by which files were changed since the queue was empty
	empty  time.Time      // when the queue was empty, or no later
	streak int            // reads in a row that brought nothing but writes
	turn   int            // counts readings of a whole tree

	timer *time.Timer
	done  chan struct{}
	ended sync.WaitGroup
}

// move is the last file that was moved away.
type move struct {
	from   entry
	cookie uint32
	wrote  bool // it was changed by that name just before
}

// Open makes a Watcher. If the user's inotify instances are used up the error is
// a *LimitError.
func Open() (*Watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, limitError(err)
	}
	w := &Watcher{
		file: os.NewFile(uintptr(fd), "inotify"), buf: make([]byte, 64<<10),
		dirs: map[int32]*dir{}, trees: map[*Tree]bool{}, lost: map[*dir]bool{}, wrote: map[entry]bool{}, empty: time.Now(),
		timer: time.NewTimer(time.Hour), done: make(chan struct{}),
	}
	w.add = func(path string, mask uint32) (int, error) { return unix.InotifyAddWatch(fd, path, mask) }
	w.timer.Stop()
	w.ended.Go(w.read)
	w.ended.Go(w.tend)
	return w, nil
}

// Close ends everything.
func (w *Watcher) Close() error {
	close(w.done)
	err := w.file.Close()
	w.ended.Wait()
	return err
}

// read takes events as they come.
func (w *Watcher) read() {
	conn, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Read(func(fd uintptr) bool {
		w.mu.Lock()
		w.drain(int(fd))
		pause := w.streak > modifyStreak
		w.mu.Unlock()
		if pause {
			select {
			case <-w.done:
			case <-time.After(modifyPause):
			}
		}
		return false // wait for more
	})
}

// catchUp handles what is in the queue already. It must be called with mu held.
func (w *Watcher) catchUp() {
	conn, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { w.drain(int(fd)) })
}

// drain handles all that can be read now.
func (w *Watcher) drain(fd int) {
	for {
		now := time.Now()
		n, err := unix.Read(fd, w.buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			w.settleLinks(now)
			break
		}
		writes := true
		for data := w.buf[:n]; ; {
			ev, rest, ok := nextEvent(data)
			if !ok {
				break
			}
			data = rest
			writes = writes && ev.mask == unix.IN_MODIFY
			w.handle(ev)
		}
		if writes {
			w.streak++
		} else {
			w.streak = 0
		}
	}
	w.schedule()
}

// schedule sets the timer for what is due next.
func (w *Watcher) schedule() {
	next := earlier(w.writes.Next(), w.links.due)
	for d := range w.lost {
		next = earlier(next, d.lost.Add(lostFor))
	}
	if !next.IsZero() {
		w.timer.Reset(max(0, time.Until(next)))
	}
}

// tend does what is due.
func (w *Watcher) tend() {
	for {
		select {
		case <-w.done:
			return
		case <-w.timer.C:
		}
		w.mu.Lock()
		now := time.Now()
		for d := range w.lost {
			if now.Sub(d.lost) >= lostFor {
				w.drop(d)
			}
		}
		due, linked := w.writes.Due(now), w.links.take(now)
		paths := map[string]bool{}
		for _, e := range due {
			if p, ok := w.path(e); ok && w.writes.Lasting(e, now) {
				paths[p] = true
			}
		}
		w.mu.Unlock()
		var logs map[string]bool
		if len(paths) > 0 {
			logs = appended(paths)
		}
		w.reportLinks(linked)
		w.mu.Lock()
		w.catchUp() // a close that came meanwhile
		for _, e := range due {
			w.look(e, logs)
		}
		w.schedule()
		w.mu.Unlock()
	}
}

// path returns the absolute path of an entry, if it is somewhere.
func (w *Watcher) path(e entry) (string, bool) {
	t, p := e.dir.where()
	if t == nil {
		return "", false
	}
	return filepath.Join(t.root, p, e.name), true
}

// look decides about a file that is written, or rests.
func (w *Watcher) look(e entry, logs map[string]bool) {
	t, p := e.dir.where()
	if t == nil {
		w.writes.Forget(e)
		return
	}
	file := filepath.Join(t.root, p, e.name)
	s := Status{Append: logs[file]}
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() {
		s.Gone = true
	} else {
		s.Size, s.Closed = info.Size(), writersOf(file) == none
	}
	now := time.Now()
	if w.writes.Look(e, s, now) {
		if !s.Gone {
			w.links.note(info, now)
		}
		t.report(Change{Path: join(p, e.name), Deep: info != nil && info.IsDir()})
	}
}

// drop ends the watches of a directory and of all below it.
func (w *Watcher) drop(d *dir) {
	for _, c := range d.children {
		w.drop(c)
	}
	// It fails for one that is gone; nothing is left to do then.
	conn, err := w.file.SyscallConn()
	if err == nil {
		_ = conn.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(d.wd)) })
	}
	w.forget(d)
}

// forget strikes a directory out of the books. What is below it is nowhere then.
func (w *Watcher) forget(d *dir) {
	now := time.Now()
	d.detach(now)
	if w.dirs[d.wd] == d {
		delete(w.dirs, d.wd)
	}
	delete(w.lost, d)
	for _, c := range d.children {
		w.lose(c, now)
	}
	for e := range w.writes.files {
		if e.dir == d {
			w.writes.Forget(e)
		}
	}
}

// lose notes that a directory is not where it was.
func (w *Watcher) lose(d *dir, now time.Time) {
	d.detach(now)
	if w.dirs[d.wd] == d {
		w.lost[d] = true
	}
}

func join(dir, name string) string {
	if dir == Root {
		return name
	}
	return dir + "/" + name
}

// errRoot says that a watched directory is not where it was.
var errRoot = fmt.Errorf("the directory was moved or removed: %w", os.ErrNotExist)
