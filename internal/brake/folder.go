package brake

import (
	"time"
)

// Folder is what is known of the losses in one folder. It is not safe for use by
// several goroutines. The zero Folder has no limits: set them first.
type Folder struct {
	Limits Limits

	passed  map[string]passed // what was told of within Span, by name
	waiting map[string]Loss   // what was not told of
	allowed map[string]bool   // what may pass whatever else there is
	first   time.Time         // when what waits began to
	last    time.Time         // when the last of it came
	held    bool
}

type passed struct {
	Loss
	at time.Time
}

// Offer takes losses that a scan has found in a folder that has so many files, the
// lost ones included, and returns which of them pass. The others wait, and come
// again with every scan. So many changes of any kind are known of and have yet to
// be looked at: they may be losses as well.
func (f *Folder) Offer(now time.Time, losses []Loss, files, coming int) []bool {
	pass := make([]bool, len(losses))
	f.forgetOld(now)
	rest := 0 // losses that count and are not allowed
	for i, l := range losses {
		if pass[i] = f.Limits.Off || f.allowed[l.Name]; pass[i] {
			f.pass(now, l)
		} else if !l.Directory {
			rest++
		}
	}
	open := !f.held && len(f.waiting) == 0 && (rest == 0 || f.recent(now)+rest+coming <= Few) && !f.Limits.Over(f.lost(nil)+rest, f.of(files))
	for i, l := range losses {
		switch {
		case pass[i]:
		case open:
			pass[i] = true
			f.pass(now, l)
		default:
			f.wait(now, l)
		}
	}
	return pass
}

// Mark marks those of losses that were on their way: came says of which the file had
// appeared within Span. So many other losses are known in all folders, and so many files
// have arrived and are there, by their contents. As long as more of these are there than
// were lost, it may as well be one that nobody has moved, and is not marked.
func Mark(losses []Loss, came []bool, lost, arrived map[Content]int) {
	for i, l := range losses {
		if came[i] {
			arrived[l.Content]++
		}
	}
	for i := range losses {
		l := &losses[i]
		if came[i] {
			arrived[l.Content]--
			l.OnWay = l.Content != 0 && lost[l.Content] >= max(1, arrived[l.Content])
		}
		lost[l.Content]++
	}
}

// Losses adds what passed and what waits to counts by contents, but for some names.
func (f *Folder) Losses(counts map[Content]int, but map[string]bool) {
	for name, p := range f.passed {
		if !but[name] {
			counts[p.Content]++
		}
	}
	for name, l := range f.waiting {
		if !but[name] {
			counts[l.Content]++
		}
	}
}

func (f *Folder) pass(now time.Time, l Loss) {
	l.OnWay = l.OnWay || f.waiting[l.Name].OnWay // each scan finds it, and the first knew
	delete(f.waiting, l.Name)
	if l.Directory {
		return
	}
	if f.passed == nil {
		f.passed = map[string]passed{}
	}
	f.passed[l.Name] = passed{l, now}
}

func (f *Folder) wait(now time.Time, l Loss) {
	if f.waiting == nil {
		f.waiting = map[string]Loss{}
	}
	if _, ok := f.waiting[l.Name]; !ok {
		if len(f.waiting) == 0 {
			f.first = now
		}
		f.last = now
	}
	l.OnWay = l.OnWay || f.waiting[l.Name].OnWay
	f.waiting[l.Name] = l
}

func (f *Folder) forgetOld(now time.Time) {
	for name, p := range f.passed {
		if now.Sub(p.at) > Span {
			delete(f.passed, name)
		}
	}
}

// recent counts what passed a moment ago.
func (f *Folder) recent(now time.Time) int {
	n := 0
	for _, p := range f.passed {
		if now.Sub(p.at) <= FewSpan {
			n++
		}
	}
	return n
}

// of is how many files the folder had before what passed was lost.
func (f *Folder) of(files int) int {
	for _, p := range f.passed {
		if !p.Emptied {
			files++
		}
	}
	return files
}

// lost counts what passed and what waits, but for what was moved: what arrived
// elsewhere.
func (f *Folder) lost(arrived map[Content]int) int {
	c := counter{}
	for _, p := range f.passed {
		c.add(p.Loss)
	}
	for _, l := range f.waiting {
		c.add(l)
	}
	lost, _ := c.count(arrived)
	return lost
}

// counter counts losses.
type counter struct {
	contents map[Content]lossesOf
	others   int // without contents
}

// lossesOf are those of files with the same contents.
type lossesOf struct{ all, onWay int }

func (c *counter) add(l Loss) {
	switch {
	case l.Directory:
	case l.Content == 0:
		c.others++
	default:
		if c.contents == nil {
			c.contents = map[Content]lossesOf{}
		}
		n := c.contents[l.Content]
		n.all++
		if l.OnWay {
			n.onWay++
		}
		c.contents[l.Content] = n
	}
}

// count returns how many are lost, and how many were moved, one for one. Where all that
// was not on its way has arrived, what was has as well.
func (c *counter) count(arrived map[Content]int) (lost, moved int) {
	lost = c.others
	for content, n := range c.contents {
		there := min(arrived[content], n.all)
		if before := n.all - n.onWay; before > 0 && there >= before {
			there = n.all
		}
		lost, moved = lost+n.all-there, moved+there
	}
	return lost, moved
}

// Moved reports whether so much of what is held has arrived elsewhere in the root
// since that the rest would not have been held, by what was known then: how many
// had passed before, and how many files the folder had.
func (f *Folder) Moved(arrived map[Content]int, before, of int) bool {
	c := counter{}
	for _, l := range f.waiting {
		c.add(l)
	}
	lost, moved := c.count(arrived)
	return f.held && moved > 0 && !f.Limits.Over(lost+before, of)
}

// Due returns when what waits is to be judged; false if nothing does, or it was
// judged already.
func (f *Folder) Due() (time.Time, bool) {
	if f.held || len(f.waiting) == 0 {
		return time.Time{}, false
	}
	quiet, latest := f.last.Add(Quiet), f.first.Add(Patience)
	if latest.Before(quiet) {
		return latest, true
	}
	return quiet, true
}

// TooMuch reports whether what waits is to be held, in a folder that has so many
// files, the lost ones included. What arrived elsewhere in the root was moved.
func (f *Folder) TooMuch(now time.Time, files int, arrived map[Content]int) bool {
	f.forgetOld(now)
	return f.Limits.Over(f.lost(arrived), f.of(files))
}

// Hold holds what waits, and every further loss.
func (f *Folder) Hold() { f.held = true }

// Held reports whether losses are held until somebody has decided.
func (f *Folder) Held() bool { return f.held }

// Since returns when what waits began to; it means nothing if nothing does.
func (f *Folder) Since() time.Time { return f.first }

// Waiting returns what waits or is held, in no order.
func (f *Folder) Waiting() []Loss {
	out := make([]Loss, 0, len(f.waiting))
	for _, l := range f.waiting {
		out = append(out, l)
	}
	return out
}

// Lost reports whether a file is among what waits or is held.
func (f *Folder) Lost(name string) bool {
	_, ok := f.waiting[name]
	return ok
}

// Passed counts what passed within Span before the folder was held.
func (f *Folder) Passed() int { return len(f.passed) }

// Gone counts those of what passed that were not moved. What was on its way when it was
// lost had been counted under its name before, so that both are one file.
func (f *Folder) Gone(arrived map[Content]int) int {
	passed, moved, gone := map[Content]int{}, map[Content]int{}, 0
	for _, p := range f.passed {
		if p.Content == 0 {
			gone++
			continue
		}
		passed[p.Content]++
		if p.OnWay {
			moved[p.Content]++
		}
	}
	for _, l := range f.waiting {
		if l.OnWay {
			moved[l.Content]++
		}
	}
	for content, n := range passed {
		gone += max(0, n-moved[content]-arrived[content])
	}
	return gone
}

// Allow lets losses pass when they are offered again, until Disallow.
func (f *Folder) Allow(names []string) {
	if f.allowed == nil {
		f.allowed = make(map[string]bool, len(names))
	}
	for _, name := range names {
		f.allowed[name] = true
	}
}

// Disallow ends what Allow began. What still waits is judged anew, if the folder
// is not held.
func (f *Folder) Disallow(now time.Time, names []string) {
	for _, name := range names {
		delete(f.allowed, name)
	}
	f.first, f.last = now, now
}

// Resume ends that the folder is held. What was lost before counts no more.
func (f *Folder) Resume(now time.Time) {
	f.held, f.passed = false, nil
	f.first, f.last = now, now
}

// Back says that a file is there, with contents, or that it is not expected to be.
func (f *Folder) Back(name string) {
	delete(f.waiting, name)
	delete(f.passed, name)
}

// Remember adds what had passed before the program was started.
func (f *Folder) Remember(at time.Time, l Loss) {
	if _, ok := f.passed[l.Name]; !ok {
		f.pass(at, l)
	}
}
