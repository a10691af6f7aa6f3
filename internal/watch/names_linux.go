package watch

import "time"

// A file that is changed by a name, which then vanishes, may have other names. It
// is too late to ask what file that was when the event is handled: there is none
// by the name, or another one. The names by which files were changed are kept
// until the queue is empty, and what was changed by one that vanished until then
// is in doubt. A file that was made by that name has no other one.

// noteWrite notes that a file was changed by a name.
func (w *Watcher) noteWrite(e entry) {
	if !w.writes.OneName(e) {
		w.wrote[e] = true
	}
}

// nameGone notes that a name is not there any more.
func (w *Watcher) nameGone(e entry, now time.Time) {
	if w.wrote[e] || w.writes.Unfinished(e) && !w.writes.OneName(e) {
		w.links.doubt(w.empty, now)
	}
	delete(w.wrote, e)
}

// movedAway notes that a file was moved away, perhaps to a place from which its
// arrival will be told.
func (w *Watcher) movedAway(e entry, cookie uint32, now time.Time) {
	w.left(now)
	w.moved = move{e, cookie, w.wrote[e]}
	delete(w.wrote, e)
}

// movedTo notes that a file has come to a place, over what was there.
func (w *Watcher) movedTo(e entry, cookie uint32, now time.Time) {
	from := w.moved
	if from.cookie != cookie || cookie == 0 {
		w.left(now)
		w.nameGone(e, now)
		w.writes.Forget(e)
		return
	}
	w.moved = move{}
	w.nameGone(e, now)
	w.writes.Move(from.from, e)
	if from.wrote {
		w.wrote[e] = true
	}
}

// left notes that what was moved away last has left all trees.
func (w *Watcher) left(now time.Time) {
	if w.moved.cookie == 0 {
		return
	}
	if w.moved.wrote {
		w.links.doubt(w.empty, now)
	}
	w.writes.Forget(w.moved.from)
	w.moved = move{}
}

// settleLinks is called when the queue is empty.
func (w *Watcher) settleLinks(now time.Time) {
	if w.moved.wrote {
		w.links.doubt(w.empty, now) // its arrival may still be told, which is soon enough
		w.moved.wrote = false
	}
	clear(w.wrote)
	w.empty = now
}
