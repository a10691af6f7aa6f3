package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/atomicfile"
)

// Known is what a device has ever learnt of its network. It is this device's own
// and is not synced: whatever becomes of the files in the synced folder, a device
// that was removed stays removed, and a record stays what it was. The zero Known
// knows nothing.
type Known struct {
	Records  map[string]Record  // by device ID
	Removals map[string]Removal // likewise
	Facts    Facts
}

// Clone returns a Known that can be changed without changing this one.
func (k Known) Clone() Known {
	out := Known{Records: maps.Clone(k.Records), Removals: maps.Clone(k.Removals), Facts: k.Facts.clone()}
	if out.Records == nil {
		out.Records = map[string]Record{}
	}
	if out.Removals == nil {
		out.Removals = map[string]Removal{}
	}
	return out
}

// Is reports whether the device belongs to the network.
func (k Known) Is(id string) bool {
	_, added := k.Records[id]
	_, removed := k.Removals[id]
	return added && !removed
}

// Add keeps a record, unless there is one for the same device already.
func (k Known) Add(r Record) {
	if _, ok := k.Records[r.ID]; !ok {
		k.Records[r.ID] = r.normal()
	}
}

// Remove keeps a removal, unless there is one of the same device already.
func (k Known) Remove(r Removal) {
	if _, ok := k.Removals[r.ID]; !ok {
		k.Removals[r.ID] = r.normal()
	}
}

// RemovalFile is the file that says that a device was removed, which must be known.
func (k Known) RemovalFile(id string) File {
	return File{fileOf(removedDir, id), k.Removals[id].Marshal(), k.Removals[id].RemovedAt}
}

// ErrCount says that a fact cannot be replaced: somebody has used up its count.
var ErrCount = errors.New("it cannot be changed any more")

// Say keeps that the device by says something of a device. The error is that
// nothing else can be said of it, or nothing of that kind of any.
func (k Known) Say(about, kind, value, by string) error {
	count := k.Facts[about][kind].Count + 1
	if count > maxCount {
		return ErrCount
	}
	if !k.Facts.put(about, kind, Fact{Value: value, Count: count, By: by}) {
		return fmt.Errorf("there is nothing called %q to be said of a device", kind)
	}
	return nil
}

// knownFile is how a Known is kept. It says of which network it is, so that
// nothing of one gets into another.
type knownFile struct {
	Schema   int       `json:"schema"`
	Network  string    `json:"network"`
	Records  []Record  `json:"records"`
	Removals []Removal `json:"removals"`
	Facts    Facts     `json:"facts"`
}

// LoadKnown reads what is known of a network. If the file is missing or of
// another network, that is nothing.
func LoadKnown(file, networkID string) (Known, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Known{}.Clone(), nil
	}
	var k Known
	if err == nil {
		k, err = decodeKnown(data, networkID)
	}
	if err != nil {
		return k, fmt.Errorf("reading what is known of the network: %w", err)
	}
	return k, nil
}

func decodeKnown(data []byte, networkID string) (Known, error) {
	k := Known{}.Clone()
	var f knownFile
	if err := json.Unmarshal(data, &f); err != nil {
		return k, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if f.Network != networkID {
		return k, nil
	}
	for _, r := range f.Records {
		if err := r.Validate(); err != nil {
			return k, fmt.Errorf("%w: the record of %q: %w", ErrDamaged, r.ID, err)
		}
		k.Add(r)
	}
	for _, r := range f.Removals {
		if !ValidID(r.ID) {
			return k, fmt.Errorf("%w: the removal of %q", ErrDamaged, r.ID)
		}
		k.Remove(r)
	}
	k.Facts = f.Facts.valid()
	return k, nil
}

// Save writes what is known of a network to file in one step.
func (k Known) Save(file, networkID string) error {
	if err := atomicfile.Write(file, k.encode(networkID), 0o600); err != nil {
		return fmt.Errorf("keeping what is known of the network: %w", err)
	}
	return nil
}

func (k Known) encode(networkID string) []byte {
	f := knownFile{Schema: api.Schema, Network: networkID, Records: []Record{}, Removals: []Removal{}, Facts: k.Facts}
	for _, id := range slices.Sorted(maps.Keys(k.Records)) {
		f.Records = append(f.Records, k.Records[id])
	}
	for _, id := range slices.Sorted(maps.Keys(k.Removals)) {
		f.Removals = append(f.Removals, k.Removals[id])
	}
	return marshal(f)
}
