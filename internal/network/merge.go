package network

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// MaxDevices is how many devices of a network are known, those that were removed
// included: other devices can add records.
const MaxDevices = 10_000

// File is a file of the synced folder.
type File struct {
	Path string // within the folder, with slashes
	Data []byte
	At   time.Time // its modification time, the same on every device; zero for now
}

// Seen is what is in the synced folder.
type Seen struct {
	Records   []SeenRecord
	Removals  []Removal
	Facts     map[string]Facts    // by the device whose file it is
	Addresses map[string][]string // likewise
	Clocks    map[string]Clock    // likewise
	Paths     map[string]bool     // all files of these kinds, also those that are no records
	Damaged   map[string]bool     // those of them that cannot be understood
	Copies    []string            // conflict copies; what they say is among the rest
	Bad       []BadFile
	Partial   bool // there is more of facts and records than was read

	ids     map[string]bool    // of the devices that have a record, here or in what was known
	removed map[string]Removal // what was known of them
	left    int                // bytes that may still be read
	more    int                // that are bad, and not among Bad
}

// SeenRecord is a record, and the file that it was read from.
type SeenRecord struct {
	Record
	Path string
	Copy bool // of a conflict
}

// Merged is what follows from the synced folder and what was known before.
type Merged struct {
	Known   Known
	Changed bool      // it has to be kept before anything else is done
	Write   []File    // that are missing or damaged, or are this device's own and out of date
	Remove  []string  // conflict copies, which said all that they had to say
	Bad     []BadFile // files that are ignored, and why
}

// Merge takes up what the synced folder says. It is pure. Whatever the order in
// which devices see what, and however often: those that have seen the same know
// the same. A removal, once known, is never forgotten, and a record never edited.
func Merge(known Known, seen Seen, self string) Merged {
	out := Merged{Known: known.Clone(), Bad: slices.Clone(seen.Bad)}
	k := &out.Known
	var rewrite []string                         // IDs of devices whose file holds a later admission
	for _, copies := range []bool{false, true} { // what conflicted last, so that it is not the first to be known
		for _, r := range seen.Records {
			if r.Copy != copies {
				continue
			}
			old, ok := k.Records[r.ID]
			switch {
			case !ok && len(k.Records) >= MaxDevices:
				out.Bad = append(out.Bad, BadFile{r.Path, errors.New("there are too many devices")})
			case !ok:
				k.Records[r.ID], out.Changed = r.normal(), true
			case old.equal(r.Record):
			case !old.again(r.Record):
				if !r.Copy {
					out.Bad = append(out.Bad, BadFile{r.Path,
						errors.New("it was edited; what it said before is in force, and comes back if it is deleted")})
				}
			case r.AddedAt.Before(old.AddedAt):
				k.Records[r.ID], out.Changed = r.normal(), true
				if r.Copy {
					rewrite = append(rewrite, r.ID)
				}
			case !r.Copy:
				rewrite = append(rewrite, r.ID)
			}
		}
	}
	for _, r := range seen.Removals {
		r = r.normal()
		old, ok := k.Removals[r.ID]
		_, member := k.Records[r.ID]
		if !ok && !member && len(k.Removals) >= MaxDevices {
			continue // it is taken up when there is a record that it is about
		}
		if !ok || earlier(r, old) {
			k.Removals[r.ID], out.Changed = r, true
		}
	}
	out.Changed = k.takeFacts(seen.Facts) || out.Changed
	if _, removed := k.Removals[self]; removed {
		return out // whoever is out has nothing to say
	}
	out.Remove = seen.Copies
	slices.Sort(rewrite)
	out.Write = append(k.missing(seen, slices.Compact(rewrite)), k.ownFacts(seen, self)...)
	return out
}

// earlier orders removals of one device, so that all name the same remover.
func earlier(a, b Removal) bool {
	if c := a.RemovedAt.Compare(b.RemovedAt); c != 0 {
		return c < 0
	}
	return a.RemovedBy < b.RemovedBy
}

// takeFacts keeps what is in force, of devices that belong to the network or did.
func (k *Known) takeFacts(seen map[string]Facts) (changed bool) {
	for _, facts := range seen {
		for about, kinds := range facts {
			if _, ok := k.Records[about]; !ok {
				continue
			}
			for kind, f := range kinds {
				changed = k.Facts.put(about, kind, f) || changed
			}
		}
	}
	return changed
}

// missing are the records and removals that somebody deleted or damaged, and the
// records that have to be put right. A record that was edited and is still one
// stays: another device may have seen no other, and the two would take turns.
// Removals and records of known devices are looked for whatever else is there, so
// that one that was not seen is missing.
func (k *Known) missing(seen Seen, rewrite []string) []File {
	var out []File
	restore := func(path string, data func() []byte, at time.Time, anyway bool) {
		if anyway || seen.Damaged[path] || !seen.Paths[path] {
			out = append(out, File{path, data(), at})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(k.Records)) {
		_, again := slices.BinarySearch(rewrite, id)
		restore(fileOf(devicesDir, id), k.Records[id].Marshal, k.Records[id].AddedAt, again)
	}
	for _, id := range slices.Sorted(maps.Keys(k.Removals)) {
		restore(fileOf(removedDir, id), k.Removals[id].Marshal, k.Removals[id].RemovedAt, false)
	}
	return out
}

// ownFacts is this device's file of facts, if it is not as it has to be. It holds
// what this device said and is in force; and what others said that would be lost
// otherwise, since nobody but they writes their files, and they may be gone.
func (k *Known) ownFacts(seen Seen, self string) []File {
	want := Facts{}
	for about, kinds := range k.Facts {
		for kind, f := range kinds {
			if f.By == self || !seen.Partial && !k.said(seen, self, about, kind, f) {
				want.put(about, kind, f)
			}
		}
	}
	path := fileOf(factsDir, self)
	have, ok := seen.Facts[self]
	switch {
	case !ok && !seen.Paths[path] && len(want) == 0:
		return nil
	case ok && have.equal(want):
		return nil
	}
	return []File{{Path: path, Data: marshalFacts(self, want)}}
}

// said reports whether a fact is in a file that another device looks after. Of
// several that repeat what a third one said, the first by its ID does.
func (k *Known) said(seen Seen, self, about, kind string, f Fact) bool {
	if seen.Facts[f.By].has(about, kind, f) {
		return true
	}
	for id, facts := range seen.Facts {
		if id < self && k.Is(id) && facts.has(about, kind, f) {
			return true
		}
	}
	return false
}
