package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/botsync/botsync/internal/api"
)

// Limits of a record. A record comes from other devices.
const (
	MaxRecordBytes  = 16 << 10
	MaxNameRunes    = 64
	MaxAddresses    = 32
	MaxAddressBytes = 256
	idLength        = 63 // 8 groups of 7 characters, joined by dashes
)

// Record says that a device belongs to the network. AddedBy is the device that
// let it in; the founder added itself.
type Record struct {
	Schema    int      `json:"schema"`
	ID        string   `json:"id"` // Syncthing device ID
	Name      string   `json:"name"`
	Role      api.Role `json:"role,omitempty"`
	Addresses []string `json:"addresses,omitempty"` // where it was when it was added
	// Stock says that it is a Syncthing without botsync, such as one on a phone.
	// It shares the folders, and not the records: it cannot change who belongs.
	Stock   bool      `json:"stock,omitempty"`
	AddedBy string    `json:"added_by"`
	AddedAt time.Time `json:"added_at"`
}

// Removal says that a device no longer belongs to the network, for good.
type Removal struct {
	Schema    int       `json:"schema"`
	ID        string    `json:"id"`
	RemovedBy string    `json:"removed_by"`
	RemovedAt time.Time `json:"removed_at"`
}

// ParseRecord reads the record in data, which has to be that of the device with
// the given ID.
func ParseRecord(id string, data []byte) (Record, error) {
	var r Record
	if err := parse(data, &r); err != nil {
		return r, fmt.Errorf("reading device record: %w", err)
	}
	if r.ID != id {
		return r, errors.New("reading device record: it claims another device's id")
	}
	if err := r.Validate(); err != nil {
		return r, fmt.Errorf("reading device record: %w", err)
	}
	return r, nil
}

// ParseRemoval reads the removal in data, which has to be that of the device
// with the given ID.
func ParseRemoval(id string, data []byte) (Removal, error) {
	var r Removal
	if err := parse(data, &r); err != nil {
		return r, fmt.Errorf("reading removal: %w", err)
	}
	if r.ID != id || !ValidID(r.ID) {
		return r, errors.New("reading removal: it claims another device's id")
	}
	if !ValidID(r.RemovedBy) {
		r.RemovedBy = "" // that the device is out is what counts
	}
	return r, nil
}

func parse(data []byte, into any) error { return parseBounded(data, into, MaxRecordBytes) }

func parseBounded(data []byte, into any, limit int) error {
	if len(data) > limit {
		return fmt.Errorf("it is longer than %d bytes", limit)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	return dec.Decode(into)
}

// Validate reports what is wrong with a record.
func (r Record) Validate() error {
	switch {
	case !ValidID(r.ID):
		return errors.New("its id is no device id")
	case r.AddedBy != "" && !ValidID(r.AddedBy):
		return errors.New("added_by is no device id")
	case !ValidName(r.Name):
		return errors.New("its name is empty, too long, or not printable")
	case !r.Role.Valid():
		return errors.New("its role is unknown")
	}
	return validAddresses(r.Addresses)
}

// Marshal returns the bytes of the file that holds the record. The same record
// gives the same bytes on every device.
func (r Record) Marshal() []byte {
	return marshal(r.normal())
}

// Marshal is likewise for the file that holds the removal.
func (r Removal) Marshal() []byte { return marshal(r.normal()) }

func marshal(v any) []byte {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("network: a record cannot be marshalled: " + err.Error()) // no field can cause it
	}
	return append(data, '\n')
}

// normal is the record as it is after a journey through a file.
func (r Record) normal() Record {
	r.Schema = api.Schema
	r.AddedAt = r.AddedAt.UTC().Truncate(time.Second)
	if len(r.Addresses) == 0 {
		r.Addresses = nil
	}
	return r
}

func (r Removal) normal() Removal {
	r.Schema = api.Schema
	r.RemovedAt = r.RemovedAt.UTC().Truncate(time.Second)
	return r
}

// equal reports whether two records say the same.
func (r Record) equal(o Record) bool {
	return r.ID == o.ID && r.Name == o.Name && r.Role == o.Role && r.Stock == o.Stock && r.AddedBy == o.AddedBy &&
		r.AddedAt.Equal(o.AddedAt) && slices.Equal(r.Addresses, o.Addresses)
}

// again reports whether two records of a device are those of two admissions, by
// hosts that did not know of each other. The older one counts then. Every other
// difference is an edit, which does not count.
func (r Record) again(o Record) bool {
	return r.AddedBy != o.AddedBy && !r.AddedAt.Equal(o.AddedAt) && r.Stock == o.Stock
}

// ValidID reports whether s has the form of a Syncthing device ID. The engine
// checks its check characters.
func ValidID(s string) bool {
	if len(s) != idLength {
		return false
	}
	for i, c := range []byte(s) {
		if i%8 == 7 {
			if c != '-' {
				return false
			}
			continue
		}
		if !(c >= 'A' && c <= 'Z' || c >= '2' && c <= '7') {
			return false
		}
	}
	return true
}

// ValidName reports whether a device can be called name.
func ValidName(name string) bool {
	return name != "" && strings.TrimSpace(name) == name && utf8.RuneCountInString(name) <= MaxNameRunes && printable(name)
}

// printable reports whether s is valid text without control and formatting
// characters, such as those that turn the direction of writing.
func printable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if c >= ' ' && c <= '~' {
			continue // most of what there is
		}
		if unicode.Is(unicode.Cc, c) || unicode.Is(unicode.Cf, c) || unicode.Is(unicode.Zl, c) || unicode.Is(unicode.Zp, c) {
			return false
		}
	}
	return true
}
