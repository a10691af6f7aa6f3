package watch

import (
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// handle takes one event.
func (w *Watcher) handle(ev event) {
	if ev.is(unix.IN_Q_OVERFLOW) {
		slog.Warn("More changes came than the system keeps, all folders are looked at again", "limit", "fs.inotify.max_queued_events")
		for t := range w.trees {
			t.reread()
		}
		w.writes.Doubt(time.Now())
		return
	}
	d := w.dirs[ev.wd]
	if d == nil {
		return // it is not watched any more
	}
	if ev.is(unix.IN_IGNORED) {
		if t := d.tree; t != nil {
			t.fail(errRoot)
		}
		w.forget(d)
		return
	}
	if d.tree != nil && ev.is(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT) {
		d.tree.fail(errRoot)
		return
	}
	t, p := d.where()
	if t == nil {
		if ev.is(unix.IN_CLOSE_WRITE) {
			w.links.doubt(w.empty, time.Now())
		}
		return // where it appears, it is read
	}
	if ev.name == "" {
		if ev.is(unix.IN_ATTRIB) && p != Root {
			t.report(Change{Path: p})
		}
		return
	}
	p = join(p, ev.name)
	if t.skips(p) {
		return
	}
	if ev.is(unix.IN_ISDIR) {
		w.handleDir(t, d, p, ev)
	} else {
		w.handleFile(t, entry{d, ev.name}, p, ev)
	}
}

func (w *Watcher) handleDir(t *Tree, parent *dir, p string, ev event) {
	child := parent.children[ev.name]
	switch {
	case ev.is(unix.IN_CREATE | unix.IN_MOVED_TO):
		// What is moved in brings what was elsewhere, and may take the place of
		// something else.
		t.report(Change{Path: p, Deep: ev.is(unix.IN_MOVED_TO)})
		if ev.is(unix.IN_CREATE) {
			t.queue.Expect()
		}
		t.enter(parent, ev.name, p)
	case ev.is(unix.IN_DELETE | unix.IN_MOVED_FROM):
		t.report(Change{Path: p, Deep: ev.is(unix.IN_MOVED_FROM)})
		if child != nil {
			w.lose(child, time.Now())
		}
		// Another one may be there by now, whose arrival was handled already: as
		// when two directories change places.
		t.enter(parent, ev.name, p)
	case ev.is(unix.IN_ATTRIB):
		t.report(Change{Path: p})
		if child == nil { // it may be readable now
			t.enter(parent, ev.name, p)
		}
	}
}

func (w *Watcher) handleFile(t *Tree, e entry, p string, ev event) {
	now := time.Now()
	switch {
	case ev.is(unix.IN_MODIFY):
		w.noteWrite(e)
		w.writes.Written(e, now)
		return
	case ev.is(unix.IN_MOVED_FROM):
		w.movedAway(e, ev.cookie, now)
		t.report(Change{Path: p})
		return
	case ev.is(unix.IN_DELETE):
		w.nameGone(e, now)
		w.writes.Forget(e)
		t.report(Change{Path: p})
		return
	case ev.is(unix.IN_CLOSE_WRITE | unix.IN_ATTRIB):
		w.noteWrite(e)
	}
	moved := ev.is(unix.IN_MOVED_TO)
	if moved {
		w.movedTo(e, ev.cookie, now)
		if w.writes.Unfinished(e) {
			w.writes.Written(e, now)
			return // whoever writes it has still to close it
		}
	}
	info, err := os.Lstat(filepath.Join(t.root, p))
	if err != nil || !info.Mode().IsRegular() {
		if w.wrote[e] {
			w.links.doubt(w.empty, now)
		}
		if err != nil {
			w.writes.Forget(e)
		}
		t.report(Change{Path: p}) // a link, or gone already
		return
	}
	if moved || ev.is(unix.IN_CLOSE_WRITE|unix.IN_ATTRIB) {
		w.links.note(info, now)
	}
	switch {
	case ev.is(unix.IN_CREATE) && linkCount(info) == 1:
		w.writes.Made(e, now)
		return
	case ev.is(unix.IN_CREATE):
		w.writes.Linked()
		fallthrough
	case ev.is(unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO):
		if w.writes.Finished(e, info.Size(), now) {
			t.report(Change{Path: p})
		}
	case ev.is(unix.IN_ATTRIB):
		if w.writes.Touched(e, info.Size(), now) {
			t.report(Change{Path: p})
		}
	}
}
