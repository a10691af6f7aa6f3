package network

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// The directories of a store: what files of each may hold, in bytes.
var kinds = map[string]int64{
	removedDir:   MaxRecordBytes,
	devicesDir:   MaxRecordBytes,
	factsDir:     MaxFactsBytes,
	addressesDir: MaxRecordBytes,
	clocksDir:    MaxRecordBytes,
}

// inOrder is how they are read: removals after records, so that none of a device
// that has just come is missed, and what devices said once they are known.
var inOrder = []string{devicesDir, removedDir, factsDir, addressesDir, clocksDir}

// ofMembers reports whether a directory holds what is of use only once the device
// has a record.
func ofMembers(dir string) bool { return dir == factsDir || dir == addressesDir || dir == clocksDir }

var errNoRecord = errors.New("it is no record of a device")

// maxBad is how many files are reported that are no records.
const maxBad = 50

// conflictCopy is how Syncthing names the losing version of a file.
var conflictCopy = regexp.MustCompile(`^(.{63})\.sync-conflict-[0-9]{8}-[0-9]{6}-[A-Z2-7]{7}\.json$`)

func newSeen(known Known) Seen {
	s := Seen{Facts: map[string]Facts{}, Addresses: map[string][]string{}, Clocks: map[string]Clock{}, Paths: map[string]bool{}, Damaged: map[string]bool{},
		ids: make(map[string]bool, len(known.Records)), removed: known.Removals, left: maxHeld}
	for id := range known.Records {
		s.ids[id] = true
	}
	return s
}

// recordName splits the name of a file that may be a record, or a conflict copy of
// one.
func recordName(name string) (id string, copied, ok bool) {
	id, ok = strings.CutSuffix(name, extension)
	if m := conflictCopy.FindStringSubmatch(name); m != nil {
		id, copied = m[1], true
	}
	return id, copied, ok && ValidID(id)
}

// order puts the files of known devices first, so that no number and no size of
// others keeps them from being read. If not all were listed, they are looked for.
func (s *Seen) order(dir string, names []string, whole bool) []string {
	var first, rest []string
	for _, name := range names {
		if id, copied, _ := recordName(name); !s.knows(dir, id) || copied {
			rest = append(rest, name)
		} else if whole {
			first = append(first, name)
		}
	}
	if !whole {
		for id := range s.ids {
			first = append(first, id+extension)
		}
		if dir == removedDir {
			for id := range s.removed {
				if !s.ids[id] {
					first = append(first, id+extension)
				}
			}
		}
	}
	slices.Sort(first)
	slices.Sort(rest)
	return append(first, rest...)
}

func (s *Seen) knows(dir, id string) bool {
	_, removed := s.removed[id]
	return s.ids[id] || removed && dir == removedDir
}

// unfinished reports whether a file is Syncthing's own: its temporary files and
// the mark of the folder.
func unfinished(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~syncthing~")
}

// bad keeps only as many as somebody would read.
func (s *Seen) bad(path string, err error) {
	if len(s.Bad) >= maxBad {
		s.more++
		return
	}
	s.Bad = append(s.Bad, BadFile{path, err})
}

func (s *Seen) closed() {
	if s.more > 0 {
		s.Bad = append(s.Bad, BadFile{".", fmt.Errorf("%d more files are no records", s.more)})
	}
	if s.Partial {
		s.Bad = append(s.Bad, BadFile{".", errors.New("its files are so big that some are not read")})
	}
}

// add takes up a file of one of the directories. read is called only if its name
// is that of a record.
func (s *Seen) add(dir, name string, checkID func(id string) error, read func(limit int64) ([]byte, error)) {
	if unfinished(name) {
		return
	}
	path := dir + "/" + name
	id, copied, isRecord := recordName(name)
	if isRecord && ofMembers(dir) && !s.ids[id] {
		return // its record may be on the way
	}
	if s.left <= 0 && dir != removedDir { // of which little is kept
		s.Partial = true
		s.Paths[path] = !copied
		return
	}
	err := errNoRecord
	if isRecord {
		if err = checkID(id); err == nil {
			var data []byte
			if data, err = read(kinds[dir] + 1); errors.Is(err, fs.ErrNotExist) {
				return // gone since the listing
			}
			if dir != removedDir {
				s.left -= len(data)
			}
			if err == nil {
				err = s.take(dir, id, data, path, copied)
			}
		}
	}
	if copied { // whatever is in it: the version that won is beside it
		s.Copies = append(s.Copies, path)
		return
	}
	s.Paths[path] = true
	if err != nil {
		s.Damaged[path] = true
		s.bad(path, err)
	}
}

func (s *Seen) take(dir, id string, data []byte, path string, isCopy bool) error {
	switch dir {
	case removedDir:
		r, err := ParseRemoval(id, data)
		if err == nil {
			s.Removals = append(s.Removals, r)
		}
		return err
	case devicesDir:
		r, err := ParseRecord(id, data)
		if err == nil {
			s.Records = append(s.Records, SeenRecord{r, path, isCopy})
			if len(s.ids) < MaxDevices {
				s.ids[id] = true
			}
		}
		return err
	case factsDir:
		facts, err := ParseFacts(id, data, func(about string) bool { return s.ids[about] })
		if err != nil {
			return err
		}
		if s.Facts[id] == nil {
			s.Facts[id] = Facts{}
		}
		for about, kinds := range facts {
			for kind, f := range kinds {
				s.Facts[id].put(about, kind, f)
			}
		}
		return nil
	case clocksDir:
		c, err := ParseClock(id, data)
		if err == nil && !isCopy {
			s.Clocks[id] = c
		}
		return err
	default:
		addresses, err := ParseAddresses(id, data)
		if err == nil && !isCopy {
			s.Addresses[id] = addresses
		}
		return err
	}
}
