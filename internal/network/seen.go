package network

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// The directories of a store: what files of each may hold, in bytes.
var kinds = map[string]int64{
	removedDir:   MaxRecordBytes,
	devicesDir:   MaxRecordBytes,
	factsDir:     MaxFactsBytes,
	addressesDir: MaxRecordBytes,
}

// maxBad is how many files are reported that are no records.
const maxBad = 50

// conflictCopy is how Syncthing names the losing version of a file.
var conflictCopy = regexp.MustCompile(`^(.{63})\.sync-conflict-[0-9]{8}-[0-9]{6}-[A-Z2-7]{7}\.json$`)

func newSeen() Seen {
	return Seen{Facts: map[string]Facts{}, Addresses: map[string][]string{}, Paths: map[string]bool{}, Damaged: map[string]bool{}}
}

// unfinished reports whether a file is Syncthing's own: its temporary files and
// the mark of the folder.
func unfinished(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~syncthing~")
}

func (s *Seen) bad(path string, err error) {
	s.Bad = append(s.Bad, BadFile{path, err})
}

// closed leaves out what nobody would read.
func (s *Seen) closed() {
	if n := len(s.Bad) - maxBad; n > 0 {
		s.Bad = append(s.Bad[:maxBad], BadFile{".", fmt.Errorf("%d more files are no records", n)})
	}
}

// add takes up a file of one of the directories. read is called only if its name
// is that of a record.
func (s *Seen) add(dir, name string, checkID func(id string) error, read func(limit int64) ([]byte, error)) {
	if unfinished(name) {
		return
	}
	path := dir + "/" + name
	id, isRecord := strings.CutSuffix(name, extension)
	copied := conflictCopy.FindStringSubmatch(name)
	if copied != nil {
		id = copied[1]
	}
	err := errors.New("it is no record of a device")
	if isRecord && ValidID(id) {
		if err = checkID(id); err == nil {
			var data []byte
			if data, err = read(kinds[dir] + 1); errors.Is(err, fs.ErrNotExist) {
				return // gone since the listing
			}
			if err == nil {
				err = s.take(dir, id, data, path, copied != nil)
			}
		}
	}
	if copied != nil { // whatever is in it: the version that won is beside it
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
		}
		return err
	case factsDir:
		facts, err := ParseFacts(id, data)
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
	default:
		addresses, err := ParseAddresses(id, data)
		if err == nil && !isCopy {
			s.Addresses[id] = addresses
		}
		return err
	}
}
