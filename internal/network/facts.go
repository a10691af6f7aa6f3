package network

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/botsync/botsync/internal/api"
)

// What can be said of a device and changed later.
const (
	FactName = "name"
	FactRole = "role"
	// FactSystem is the operating system, as Go calls it: windows, darwin. It says
	// which names of files the device cannot hold; there is none of most systems.
	FactSystem = "system"
)

// Limits of a file of facts. It comes from other devices.
const (
	MaxFactsBytes = 1 << 20
	maxFactBytes  = 256     // of a value
	maxCount      = 1 << 53 // what JSON can carry
)

// Fact is something that a device said of a device, such as its new name. Of two
// the one with the higher count is in force; of two with the same count, said by
// devices that did not know of each other, the one of the higher device ID. So
// all devices agree, in whatever order they learn of them, and no clock matters.
type Fact struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
	By    string `json:"by"` // device ID
}

// beats reports whether f is in force rather than o.
func (f Fact) beats(o Fact) bool {
	return cmp.Or(cmp.Compare(f.Count, o.Count), cmp.Compare(f.By, o.By), cmp.Compare(f.Value, o.Value)) > 0
}

// Facts are facts by the ID of the device that they are about, and by kind. There
// are no kinds but those above: whatever else is said takes no place.
type Facts map[string]map[string]Fact

// put keeps a fact, unless one that beats it is there. It reports whether that
// changed anything.
func (fs Facts) put(about, kind string, f Fact) bool {
	if kind != FactName && kind != FactRole && kind != FactSystem {
		return false
	}
	if old, ok := fs[about][kind]; ok && !f.beats(old) {
		return false
	}
	if fs[about] == nil {
		fs[about] = map[string]Fact{}
	}
	fs[about][kind] = f
	return true
}

func (fs Facts) has(about, kind string, f Fact) bool {
	got, ok := fs[about][kind]
	return ok && got == f
}

func (fs Facts) clone() Facts {
	out := make(Facts, len(fs))
	for about, kinds := range fs {
		out[about] = maps.Clone(kinds)
	}
	return out
}

func (fs Facts) equal(o Facts) bool {
	return maps.EqualFunc(fs, o, func(a, b map[string]Fact) bool { return maps.Equal(a, b) })
}

// factsFile is the file that a device keeps of what it said, and nobody else
// writes: facts/<device id>.json.
type factsFile struct {
	Schema int    `json:"schema"`
	ID     string `json:"id"` // whose file it is
	Facts  Facts  `json:"facts"`
}

// ParseFacts reads the facts in data, which have to be in the file of the device
// with the given ID. Those that make no sense, or are about a device that is not
// known, are left out.
func ParseFacts(id string, data []byte, known func(id string) bool) (Facts, error) {
	var f struct {
		ID    string                     `json:"id"`
		Facts map[string]json.RawMessage `json:"facts"`
	}
	if err := parseBounded(data, &f, MaxFactsBytes); err != nil {
		return nil, fmt.Errorf("reading what a device said: %w", err)
	}
	if f.ID != id || !ValidID(id) {
		return nil, errors.New("reading what a device said: it claims another device's id")
	}
	out := Facts{}
	for about, said := range f.Facts {
		if !known(about) {
			continue
		}
		var kinds map[string]Fact
		if err := json.Unmarshal(said, &kinds); err != nil {
			return nil, fmt.Errorf("reading what a device said: %w", err)
		}
		maps.Copy(out, Facts{about: kinds}.valid())
	}
	return out, nil
}

func (fs Facts) valid() Facts {
	out := Facts{}
	for _, about := range slices.Sorted(maps.Keys(fs)) {
		if !ValidID(about) {
			continue
		}
		for _, kind := range slices.Sorted(maps.Keys(fs[about])) {
			fact := fs[about][kind]
			if ValidID(fact.By) && fact.Count > 0 && fact.Count <= maxCount &&
				len(fact.Value) <= maxFactBytes && printable(fact.Value) {
				out.put(about, kind, fact)
			}
		}
	}
	return out
}

func marshalFacts(id string, facts Facts) []byte {
	return marshal(factsFile{Schema: api.Schema, ID: id, Facts: facts})
}
