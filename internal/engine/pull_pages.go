package engine

import (
	"hash/maphash"
	"iter"
	"math"
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
)

// When Syncthing pulls a folder, it takes up all that the folder needs
// (sendReceiveFolder.processNeeded). It has the name of each file in memory until it is
// there, and an error if it does not come: some hundred bytes for each that a peer
// announces and does not give. So it is shown a page at a time, and asks for the next
// one by itself.

const (
	// pullPage is how many needed files are a page; fewer are shown in Syncthing's own order.
	pullPage = 50_000
	// One in pullTold of a page is what peers have told of since, the same number for each
	// of them, so that nothing waits for all that another peer has told of.
	pullTold = 5
	// When all of a page have come but one in pullFailing, the next ones are to follow at
	// once. By itself, Syncthing waits after three, for as long as they took.
	pullFailing = 10
)

// unordered is none of Syncthing's orders, so that nothing is sorted: what is needed
// comes in the order of an index (ownIndexes), by when its name was first seen.
const unordered config.PullOrder = -1

// neededFiles is what a device needs, by the database.
type neededFiles interface {
	count() (int, error)
	// all are the files but for the first offset of them.
	all(order config.PullOrder, limit, offset int) (iter.Seq[protocol.FileInfo], func() error)
	// one is a file, if it is needed.
	one(name string) (protocol.FileInfo, bool, error)
}

// pullPages says where each folder is that needs more than a page.
type pullPages struct {
	size   int                 // pullPage
	more   func(folder string) // has a folder pulled again after that; it may be nil
	mu     sync.Mutex
	places map[string]*pullPlace
}

// pullPlace is where a folder is. A folder that was stopped and one that takes its place
// may both be shown pages.
type pullPlace struct {
	told   map[protocol.DeviceID][]string // names, the latest last, that were not shown since
	offset int                            // of where the latest page began
	latest map[uint64]bool                // what was shown there: names, as hashes
}

var nameSeed = maphash.MakeSeed()

// note takes down what a peer has told of a folder that needs more than a page.
func (p *pullPages) note(folder string, device protocol.DeviceID, files []protocol.FileInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	place := p.places[folder]
	if place == nil {
		return
	}
	names := place.told[device]
	for _, f := range files {
		names = append(names, f.Name)
	}
	most := p.size / pullTold
	place.told[device] = slices.Clone(names[max(0, len(names)-most):])
}

// next returns what a folder is to get next of all that it needs.
func (p *pullPages) next(folder string, files neededFiles) (iter.Seq[protocol.FileInfo], func() error) {
	total, err := files.count()
	if err != nil {
		return func(func(protocol.FileInfo) bool) {}, func() error { return err }
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if total <= p.size {
		delete(p.places, folder)
		return files.all(config.PullOrderRandom, 0, 0)
	}
	place := p.places[folder]
	if place == nil {
		place = &pullPlace{told: map[protocol.DeviceID][]string{}}
		if p.places == nil {
			p.places = map[string]*pullPlace{}
		}
		p.places[folder] = place
	}
	told := place.take(p.size / pullTold)
	before := pullPlace{offset: place.offset, latest: place.latest}
	return func(yield func(protocol.FileInfo) bool) {
		var after pullPlace
		var came, all bool
		if after, came, all, err = before.show(p.size, told, files, yield); !all {
			return
		}
		p.mu.Lock()
		place.offset, place.latest = after.offset, after.latest
		p.mu.Unlock()
		if came && p.more != nil {
			p.more(folder)
		}
	}, func() error { return err }
}

// take returns at most so many names of what peers have told, and forgets them.
func (p *pullPlace) take(most int) []string {
	var names []string
	each := most / max(1, len(p.told))
	for device, told := range p.told {
		left := max(0, len(told)-each)
		names = append(names, told[left:]...)
		p.told[device] = slices.Clip(told[:left])
	}
	return names
}

// show yields a page of needed files, first those with some names and then those after
// the latest page, and returns where the next one is. It reports whether the latest page
// has come, and whether it yielded all.
func (p pullPlace) show(size int, told []string, files neededFiles, yield func(protocol.FileInfo) bool) (_ pullPlace, came, all bool, _ error) {
	first, fresh := map[uint64]bool{}, map[uint64]bool{}
	for _, name := range told {
		f, ok, err := files.one(name)
		if err != nil {
			return p, false, false, err
		}
		if hash := maphash.String(nameSeed, f.Name); ok && !first[hash] {
			if first[hash] = true; !yield(f) {
				return p, false, false, nil
			}
		}
	}
	// Syncthing keeps a prepared statement for each offset that it is asked with: there
	// are few.
	skip := p.offset % size
	rest, failed := files.all(unordered, math.MaxInt, p.offset-skip)
	again, more := 0, false
	for f := range rest {
		if skip--; skip >= 0 {
			continue
		}
		name := maphash.String(nameSeed, f.Name)
		if first[name] {
			continue
		}
		if p.latest[name] { // it did not come
			again++
			continue
		}
		if more = len(first)+len(fresh) == size; more {
			break
		}
		if fresh[name] = true; !yield(f) {
			return p, false, false, nil
		}
	}
	if err := failed(); err != nil {
		return p, false, false, err
	}
	came = len(p.latest) > 0 && again*pullFailing <= len(p.latest)
	if !more { // from the beginning
		return pullPlace{}, came, true, nil
	}
	return pullPlace{offset: p.offset + again, latest: fresh}, came, true, nil
}

// folderNeeds is what this device needs in one folder.
type folderNeeds[S, O any, M metadata, B any, P keyValue] struct {
	*layer[S, O, M, B, P]
	folder string
}

func (n folderNeeds[S, O, M, B, P]) count() (int, error) {
	counts, err := n.CountNeed(n.folder, protocol.LocalDeviceID)
	return counts.TotalItems(), err
}

func (n folderNeeds[S, O, M, B, P]) all(order config.PullOrder, limit, offset int) (iter.Seq[protocol.FileInfo], func() error) {
	return n.store.AllNeededGlobalFiles(n.folder, protocol.LocalDeviceID, order, limit, offset)
}

func (n folderNeeds[S, O, M, B, P]) one(name string) (protocol.FileInfo, bool, error) {
	global, ok, err := n.GetGlobalFile(n.folder, name)
	if err != nil || !ok || global.IsInvalid() {
		return protocol.FileInfo{}, false, err
	}
	mine, have, err := n.GetDeviceFile(n.folder, protocol.LocalDeviceID, name)
	if err != nil || have && mine.Version.Equal(global.Version) || !have && global.IsDeleted() {
		return protocol.FileInfo{}, false, err
	}
	return global, true, nil
}

// AllNeededGlobalFiles returns what a device lacks. The order is that in which Syncthing
// asks for what it is about to get; nobody else does.
func (l *layer[S, O, M, B, P]) AllNeededGlobalFiles(folder string, device protocol.DeviceID, order config.PullOrder, limit, offset int) (iter.Seq[protocol.FileInfo], func() error) {
	if device != protocol.LocalDeviceID || order != config.PullOrderRandom {
		return l.store.AllNeededGlobalFiles(folder, device, order, limit, offset)
	}
	files, failed := l.pages.next(folder, folderNeeds[S, O, M, B, P]{l, folder})
	if l.clashing != nil {
		if clashes := l.clashing(folder); clashes != nil {
			return but(files, clashes), failed
		}
	}
	return files, failed
}
