package engine

import (
	"math/rand/v2"
	"path/filepath"
	"time"
)

// Something gives way when nothing was told about it for this long: there may be more
// to come. Who made it has told all that matters if it has told of it itself.
const (
	wayPauseTold = 2 * time.Second
	wayPause     = time.Minute
)

const (
	maxWays     = 100  // that are waited for at once
	maxWayLooks = 1000 // paths that are looked at a time
	maxRefusals = 10   // of paths below the same one at a time
)

// waysBlocked are the files and links of a folder that may have to give way. The zero
// value has none.
type waysBlocked struct {
	all  map[string]*inWay    // by name
	come map[string]time.Time // when each gives way, if nothing is told before
}

// due reports whether it is time for one of them.
func (b *waysBlocked) due(now time.Time) bool {
	for _, at := range b.come {
		if !now.Before(at) {
			return true
		}
	}
	return false
}

// note takes what could not be written, of which there may be a great many paths
// below the same few.
func (b *waysBlocked) note(lacking []string, now time.Time, look func(string) (*inWay, string)) {
	refused, looks := map[string]int{}, 0
	known := func(p string) bool {
		for p = filepath.Dir(p); p != "."; p = filepath.Dir(p) {
			if b.all[p] != nil || refused[p] >= maxRefusals {
				return true
			}
		}
		return false
	}
	first := 0
	if len(lacking) > maxWayLooks {
		first = rand.IntN(len(lacking)) // so that each is looked at some time
	}
	for n := range lacking {
		p := lacking[(first+n)%len(lacking)]
		if known(p) {
			continue
		}
		if looks++; looks > maxWayLooks || len(b.all) >= maxWays {
			return
		}
		if w, not := look(p); w != nil {
			b.wait(w, now)
		} else if not != "" {
			refused[not]++
		}
	}
}

func (b *waysBlocked) wait(w *inWay, now time.Time) {
	if b.all == nil {
		b.all, b.come = map[string]*inWay{}, map[string]time.Time{}
	}
	pause := wayPause
	if w.told {
		pause = wayPauseTold
	}
	b.all[w.name], b.come[w.name] = w, now.Add(pause)
}

// take returns those that give way now.
func (b *waysBlocked) take(now time.Time, look func(string) (*inWay, string)) (give []*inWay) {
	for name, at := range b.come {
		if now.Before(at) {
			continue
		}
		was := b.all[name]
		delete(b.all, name)
		delete(b.come, name)
		w, _ := look(was.lacking)
		switch {
		case w == nil: // else the next path that cannot be written says so
		case w.name == name && w.state == was.state:
			give = append(give, w)
		default:
			b.wait(w, now)
		}
	}
	return give
}
