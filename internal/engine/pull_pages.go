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
	// A page has so many files for each that is to be deleted, if that is more: what was
	// renamed is to be on one page with what it was, which this device has.
	pullRenamed = 2
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
	// count is how many are needed, and how many are to be deleted.
	count() (files, deleted int, _ error)
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

// toldNames are of the files that a peer has told of and that were not shown since, the
// latest last.
type toldNames struct {
	names []string
	more  bool // than these
}

// toldName is one of them.
type toldName struct {
	name  string
	whole bool // it comes with all the others
}

// pullPlace is where a folder is. A folder that was stopped and one that takes its place
// may both be shown pages.
type pullPlace struct {
	told   map[protocol.DeviceID]toldNames
	offset int             // of where the latest page began
	latest map[uint64]bool // what was shown there: names, as hashes
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
	told := place.told[device]
	for _, f := range files {
		told.names = append(told.names, f.Name)
	}
	if over := len(told.names) - p.size/pullTold; over > 0 {
		told = toldNames{slices.Clone(told.names[over:]), true}
	}
	place.told[device] = told
}

// next returns what a folder is to get next of all that it needs.
func (p *pullPages) next(folder string, files neededFiles) (iter.Seq[protocol.FileInfo], func() error) {
	total, deleted, err := files.count()
	if err != nil {
		return func(func(protocol.FileInfo) bool) {}, func() error { return err }
	}
	size := max(p.size, pullRenamed*deleted)
	if total <= size {
		p.mu.Lock()
		delete(p.places, folder)
		p.mu.Unlock()
		return files.all(config.PullOrderRandom, 0, 0)
	}
	place, part := p.begin(folder)
	part.size, part.deleted = size, deleted
	return func(yield func(protocol.FileInfo) bool) {
		var came, all bool
		if came, all, err = part.show(files, yield); !all {
			return
		}
		p.mu.Lock()
		place.offset, place.latest = part.offset, part.latest
		p.mu.Unlock()
		if came && p.more != nil {
			p.more(folder)
		}
	}, func() error { return err }
}

// begin returns where a folder is, and what is next there.
func (p *pullPages) begin(folder string) (*pullPlace, pullPart) {
	p.mu.Lock()
	defer p.mu.Unlock()
	place := p.places[folder]
	if place == nil {
		place = &pullPlace{told: map[protocol.DeviceID]toldNames{}}
		if p.places == nil {
			p.places = map[string]*pullPlace{}
		}
		p.places[folder] = place
	}
	return place, pullPart{stride: p.size, told: place.take(p.size / pullTold), offset: place.offset, latest: place.latest}
}

// take returns so many names of what peers have told, or one of each, and forgets them.
func (p *pullPlace) take(most int) []toldName {
	var names []toldName
	each := max(1, most/max(1, len(p.told)))
	for device, told := range p.told {
		left := max(0, len(told.names)-each)
		for _, name := range told.names[left:] {
			names = append(names, toldName{name, left == 0 && !told.more})
		}
		p.told[device] = toldNames{slices.Clip(told.names[:left]), left > 0}
	}
	return names
}

// pullPart is what a page has.
type pullPart struct {
	stride, size int // of a page, and of this one
	deleted      int // how many are to be deleted in all
	told         []toldName

	offset int // as in a pullPlace, of the page before this one until this one was shown
	latest map[uint64]bool
	shown  map[uint64]bool // what was told of
}

// show yields a page of needed files, first what was told of and then those after the
// latest page. What is to be deleted comes with the last of them, but for what was told of,
// if that was all: it may have been renamed. It reports whether the latest page has come,
// and whether it yielded all.
func (p *pullPart) show(files neededFiles, yield func(protocol.FileInfo) bool) (came, all bool, _ error) {
	p.shown = map[uint64]bool{}
	for _, told := range p.told {
		f, ok, err := files.one(told.name)
		if err != nil {
			return false, false, err
		}
		hash := maphash.String(nameSeed, f.Name)
		if !ok || p.shown[hash] || f.IsDeleted() && !told.whole {
			continue
		}
		if p.shown[hash] = true; !yield(f) {
			return false, false, nil
		}
	}
	fresh := map[uint64]bool{}
	again, began, more, stopped := 0, 0, false, false
	err := p.each(files, p.offset, func(at int, f protocol.FileInfo, name uint64) bool {
		switch {
		case f.IsDeleted():
		case p.latest[name]: // it did not come
			again++
		case len(p.shown)+len(fresh) >= p.size:
			more = true
		default:
			if len(fresh) == 0 {
				began = at
			}
			fresh[name] = true
			stopped = !yield(f)
		}
		return !more && !stopped
	})
	if err != nil || stopped {
		return false, false, err
	}
	came = len(p.latest) > 0 && again*pullFailing <= len(p.latest)
	if more {
		p.offset, p.latest = began, fresh
		return came, true, nil
	}
	p.offset, p.latest = 0, nil // from the beginning
	if p.deleted > 0 {
		err = p.each(files, 0, func(_ int, f protocol.FileInfo, _ uint64) bool {
			stopped = f.IsDeleted() && !yield(f)
			return !stopped
		})
	}
	return came, err == nil && !stopped, err
}

// each calls do with all files but the first offset of them, how many come before it, and
// its name as a hash, but not with what was shown, until it returns false.
func (p *pullPart) each(files neededFiles, offset int, do func(at int, f protocol.FileInfo, name uint64) bool) error {
	// Syncthing keeps a prepared statement for each offset that it is asked with: there
	// are few.
	at := offset - offset%p.stride
	rest, failed := files.all(unordered, math.MaxInt, at)
	for f := range rest {
		name := maphash.String(nameSeed, f.Name)
		if at >= offset && !p.shown[name] && !do(at, f, name) {
			break
		}
		at++
	}
	return failed()
}

// folderNeeds is what this device needs in one folder.
type folderNeeds[S, O any, M metadata, B any, P keyValue] struct {
	*layer[S, O, M, B, P]
	folder string
}

func (n folderNeeds[S, O, M, B, P]) count() (files, deleted int, _ error) {
	c, err := n.CountNeed(n.folder, protocol.LocalDeviceID)
	return c.Files + c.Directories + c.Symlinks, c.Deleted, err
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
