package brake

import "time"

// maxArrivals bounds what is remembered of new files. What is forgotten counts as
// lost when it was moved: that is held once too often, not once too seldom.
const maxArrivals = 200_000

// Arrivals are the files that appeared in the folders of a root lately, by which
// a moved file is told from a lost one. It is not safe for use by several
// goroutines. The zero Arrivals is empty.
type Arrivals struct {
	files map[place]arrival
	swept time.Time
}

type place struct{ folder, name string }

type arrival struct {
	content Content
	at      time.Time
}

// Add notes that a file has new contents.
func (a *Arrivals) Add(now time.Time, folder, name string, c Content) {
	if c == 0 {
		a.Remove(now, folder, name)
		return
	}
	if now.Sub(a.swept) > Span || len(a.files) >= maxArrivals {
		a.sweep(now)
	}
	if a.files == nil {
		a.files = map[place]arrival{}
	}
	if len(a.files) < maxArrivals {
		a.files[place{folder, name}] = arrival{c, now}
	}
}

// Remove notes that it has them no more, and reports whether it had appeared within Span.
func (a *Arrivals) Remove(now time.Time, folder, name string) bool {
	p := place{folder, name}
	f, ok := a.files[p]
	delete(a.files, p)
	return ok && now.Sub(f.at) <= Span
}

func (a *Arrivals) sweep(now time.Time) {
	a.swept = now
	for p, f := range a.files {
		if now.Sub(f.at) > Span {
			delete(a.files, p)
		}
	}
}

// Contents counts the files that appeared within Span and are there, by what is
// in them.
func (a *Arrivals) Contents(now time.Time) map[Content]int {
	a.sweep(now)
	out := make(map[Content]int, len(a.files))
	for _, f := range a.files {
		out[f.content]++
	}
	return out
}
