package watch

import "time"

// When an open file is looked at, counted from the first write that no close
// followed.
const (
	// Nobody may have it open: it was linked (linkat of an unnamed file), or cut
	// off by its name (truncate).
	firstLook = 100 * time.Millisecond
	// A file to which all writers append, a log, is complete at any time, and
	// reported after this one...
	growAfter = 3 * time.Second
	// ...and then so often.
	growEvery = 10 * time.Second
	// Any other file is unfinished as long as it is open: a download, a copy. One
	// that stays open for longer is a database, or the output of a program that
	// runs on, and reported as it is, like a log.
	openMax = time.Minute

	// Looking at a file costs reading it: a second for so many bytes. At most one
	// part in costShare of the time is spent on one file, however often it is
	// written; but the first costBurst times are at once, as when a copy is given
	// its time after it was closed. A small file is too cheap to keep books of.
	costRate  = 512 << 20
	costShare = 10
	costBurst = 3
	costFree  = 1 << 20
)

// Writes keeps the books of files that are being written, and of large ones that
// were reported a moment ago. It is pure: what the time is, and what a file looks
// like, it is told. K says which file.
type Writes[K comparable] struct {
	files map[K]*write
}

type write struct {
	open  bool      // written, or just made, and not closed since
	dirty bool      // not reported since
	made  bool      // was seen to be made, and not to get another name
	since time.Time // when it was opened
	shown bool      // reported though it was open, so that it counts as finished
	look  time.Time // when to look at it; zero if there is no need
	paid  time.Time // when the looks so far will be one part in costShare of the time
}

// rest returns how long one look at a file of that size is to be rested from.
func rest(size int64) time.Duration {
	if size < costFree {
		return 0
	}
	return time.Duration(float64(size) / costRate * costShare * float64(time.Second))
}

// ready returns from when on a file of that size may be reported again.
func (f *write) ready(size int64) time.Time { return f.paid.Add(-(costBurst - 1) * rest(size)) }

// Status is what can be found out about a file that may be open for writing.
type Status struct {
	Gone   bool  // it does not exist, or is no regular file
	Size   int64 // in bytes
	Closed bool  // nobody can be writing to it
	Append bool  // all who write to it append
}

func (w *Writes[K]) file(k K) *write {
	if w.files == nil {
		w.files = map[K]*write{}
	}
	f := w.files[k]
	if f == nil {
		f = &write{}
		w.files[k] = f
	}
	return f
}

// Written notes that a file was made or written to, and not closed yet.
func (w *Writes[K]) Written(k K, now time.Time) {
	f := w.file(k)
	if !f.open {
		f.open, f.shown, f.since = true, false, now
		f.look = now.Add(firstLook)
	} else if !f.dirty && f.look.IsZero() { // it was reported, and goes on
		f.look = now.Add(growEvery)
	}
	f.dirty = true
}

// Made notes that a file was made, by its only name, and not closed yet.
func (w *Writes[K]) Made(k K, now time.Time) {
	w.Written(k, now)
	w.files[k].made = true
}

// Linked notes that some file has got another name.
func (w *Writes[K]) Linked() {
	for _, f := range w.files {
		f.made = false
	}
}

// OneName reports whether a file is known to have no other name.
func (w *Writes[K]) OneName(k K) bool {
	f := w.files[k]
	return f != nil && f.made
}

// Finished notes that a file of the given size was closed or put in place, and
// returns whether to report it now. If not, Due will name it.
func (w *Writes[K]) Finished(k K, size int64, now time.Time) bool {
	f := w.files[k]
	if f == nil {
		if size < costFree {
			return true
		}
		f = w.file(k)
	}
	f.open, f.dirty = false, true
	if ready := f.ready(size); now.Before(ready) {
		f.look = ready
		return false
	}
	w.reported(k, f, size, now)
	return true
}

// reported notes that a file is being reported.
func (w *Writes[K]) reported(k K, f *write, size int64, now time.Time) {
	f.dirty, f.look = false, time.Time{}
	f.paid = later(f.paid, now).Add(rest(size))
	if f.open {
		f.shown = true
		return
	}
	if !f.paid.After(now) {
		delete(w.files, k)
		return
	}
	f.look = f.paid // to be forgotten
}

// Touched reports whether a file whose mode or times changed is to be reported
// now. One that is open will be when it is closed.
func (w *Writes[K]) Touched(k K, size int64, now time.Time) bool {
	if f := w.files[k]; f != nil && f.open {
		w.Written(k, now)
		return false
	}
	return w.Finished(k, size, now)
}

// Forget says that a file is not there any more.
func (w *Writes[K]) Forget(k K) { delete(w.files, k) }

// Move gives a file another name.
func (w *Writes[K]) Move(from, to K) {
	delete(w.files, to)
	if f := w.files[from]; f != nil {
		delete(w.files, from)
		w.files[to] = f
	}
}

// Unfinished reports whether a file is being written and nothing is to be seen
// of that yet.
func (w *Writes[K]) Unfinished(k K) bool {
	f := w.files[k]
	return f != nil && f.open && !f.shown
}

// Doubt has all open files looked at: their close may have been missed.
func (w *Writes[K]) Doubt(now time.Time) {
	for _, f := range w.files {
		if f.open {
			f.dirty = true
			f.look = earlier(f.look, now.Add(firstLook))
		}
	}
}

// Next returns when there will be something to look at; zero if never.
func (w *Writes[K]) Next() time.Time {
	var next time.Time
	for _, f := range w.files {
		next = earlier(next, f.look)
	}
	return next
}

// Due returns the files to look at now, each of which Look has to be called for.
func (w *Writes[K]) Due(now time.Time) []K {
	var due []K
	for k, f := range w.files {
		if f.look.IsZero() || f.look.After(now) {
			continue
		}
		if !f.open && !f.dirty {
			delete(w.files, k)
			continue
		}
		due = append(due, k)
	}
	return due
}

// Lasting reports whether it depends on how a file was opened, Status.Append,
// what Look will say.
func (w *Writes[K]) Lasting(k K, now time.Time) bool {
	f := w.files[k]
	return f != nil && f.open && !f.shown && now.Sub(f.since) >= growAfter
}

// Look takes what was found out about a file, and returns whether to report it.
func (w *Writes[K]) Look(k K, s Status, now time.Time) bool {
	f := w.files[k]
	if f == nil {
		return false
	}
	age := now.Sub(f.since)
	switch {
	case s.Gone:
		delete(w.files, k)
		return true
	case s.Closed || !f.open:
		f.open = false
	case f.shown, s.Append && age >= growAfter, age >= openMax:
	case age < growAfter:
		f.look = f.since.Add(growAfter)
		return false
	default:
		f.look = f.since.Add(openMax)
		return false
	}
	if ready := f.ready(s.Size); now.Before(ready) {
		f.look = ready
		return false
	}
	w.reported(k, f, s.Size, now)
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earlier returns the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
