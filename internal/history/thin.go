package history

import (
	"cmp"
	"slices"
	"time"
)

// Of the versions of a file that are older than a day one is kept for each hour, of
// those older than a week one for each day: whoever undoes what was done today finds
// every content of it.
const (
	wholeAge = 24 * time.Hour
	hoursAge = 7 * 24 * time.Hour
)

// Where there is not enough room, one a minute is kept of the younger ones, then one
// for each hour, then one for each day.
const (
	coarseMinutes = time.Hour
	coarseHours   = 24 * time.Hour
)

// Kept is what Thin and Limit have to know of a version.
type Kept struct {
	Path    string // with its folder
	Time    time.Time
	Deleted bool
	Size    int64
	File    string // where it is
}

// Limits are how much is kept.
type Limits struct {
	Age   time.Duration // older versions go
	Bytes int64         // of all together
	Count int           // likewise
}

// spare is the part of a limit that is freed beyond it, in percent, so that what
// comes next does not reach it at once.
const spare = 10

// Excess returns what has to go, given all that there is and how old what has a time
// is, and what stays. It changes the order of all.
func (l Limits) Excess(all []Kept, age func(time.Time) time.Duration) (gone, stay []Kept) {
	gone, stay = split(all, func(k Kept) bool { return age(k.Time) > l.Age })
	more, stay := thin(stay, age, interval)
	gone = append(gone, more...)
	if !l.over(stay) {
		return gone, stay
	}
	// A file that is written over and over is not to push out all others.
	more, stay = thin(stay, age, coarse)
	gone = append(gone, more...)
	if !l.over(stay) {
		return gone, stay
	}
	slices.SortFunc(stay, func(a, b Kept) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.File, b.File)) })
	bytes, count, n := sum(stay), len(stay), 0
	for n < len(stay) && (bytes > l.Bytes-l.Bytes*spare/100 || count > l.Count-l.Count*spare/100) {
		bytes -= stay[n].Size
		count--
		n++
	}
	return append(gone, stay[:n]...), stay[n:]
}

func (l Limits) over(all []Kept) bool { return sum(all) > l.Bytes || len(all) > l.Count }

func sum(all []Kept) (bytes int64) {
	for _, k := range all {
		bytes += k.Size
	}
	return bytes
}

func split(all []Kept, goes func(Kept) bool) (gone, stay []Kept) {
	for _, k := range all {
		if goes(k) {
			gone = append(gone, k)
		} else {
			stay = append(stay, k)
		}
	}
	return gone, stay
}

// interval is how far apart versions of an age have to be at least.
func interval(age time.Duration) time.Duration {
	switch {
	case age <= wholeAge:
		return 0
	case age <= hoursAge:
		return time.Hour
	}
	return 24 * time.Hour
}

// coarse is interval where there is not enough room.
func coarse(age time.Duration) time.Duration {
	switch {
	case age <= coarseMinutes:
		return time.Minute
	case age <= coarseHours:
		return time.Hour
	}
	return 24 * time.Hour
}

// thin takes out versions that follow another one of the same file too soon. What
// is kept is the first, which is what was there before a series of changes, and
// whatever was deleted.
func thin(all []Kept, age func(time.Time) time.Duration, interval func(age time.Duration) time.Duration) (gone, stay []Kept) {
	slices.SortFunc(all, func(a, b Kept) int { return cmp.Or(cmp.Compare(a.Path, b.Path), a.Time.Compare(b.Time)) })
	path, last := "", time.Time{}
	return split(all, func(k Kept) bool {
		if k.Path != path {
			path, last = k.Path, time.Time{}
		}
		if k.Deleted {
			return false
		}
		if !last.IsZero() && k.Time.Sub(last) < interval(age(k.Time)) {
			return true
		}
		last = k.Time
		return false
	})
}
