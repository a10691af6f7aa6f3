package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/atomicfile"
)

// Membership says which network this device belongs to. It is this device's
// own and is not synced. The zero Membership belongs to none.
type Membership struct {
	Schema  int    `json:"schema"`
	Network string `json:"network"` // see ValidNetworkID
	// Pending is set from the moment a host has let this device in until the
	// two have been connected.
	Pending *Pending `json:"pending,omitempty"`
	// Joined is what became of Pending when they had been.
	Joined *Joined `json:"joined,omitempty"`
	// Addresses are where peers were when they were met, by device ID. They are
	// tried beside those of their records.
	Addresses map[string][]string `json:"addresses,omitempty"`
	// Servers are the network's own, as the host told; nil for the public ones.
	Servers *Servers `json:"servers,omitempty"`
	// Role is what config.toml said of this device when the network was told last:
	// only a change there is told again.
	Role api.Role `json:"role,omitempty"`
	// Spent says that the identity of this device was removed from a network, for
	// good: there has to be another before it joins any.
	Spent bool `json:"spent,omitempty"`
}

// Servers are Syncthing's discovery servers and relays: URLs, or the words
// "default" and, alone, "none".
type Servers struct {
	Discovery []string `json:"discovery"`
	Relays    []string `json:"relays"`
}

// Equal reports whether two are the same, in the same order.
func (s Servers) Equal(o Servers) bool {
	return slices.Equal(s.Discovery, o.Discovery) && slices.Equal(s.Relays, o.Relays)
}

// Pending is a join that the host may not know of: its connection broke just
// when this device said yes.
type Pending struct {
	Host  string    `json:"host"`  // device ID
	Label string    `json:"label"` // of the invite, by which a retry is known
	Until time.Time `json:"until"` // then it has come to nothing
}

// Joined is how this device came to the network: a command that is run again,
// since it did not see its success, is known by the label.
type Joined struct {
	Host  string `json:"host"`  // device ID
	Label string `json:"label"` // of the invite
}

const networkIDLength = 12

// networkIDAlphabet leaves out what a person could misread.
const networkIDAlphabet = "abcdefghijkmnpqrstuvwxyz23456789"

// NewNetworkID makes the ID of a new network out of 12 random bytes.
func NewNetworkID(random [networkIDLength]byte) string {
	id := make([]byte, networkIDLength)
	for i, b := range random {
		id[i] = networkIDAlphabet[int(b)%len(networkIDAlphabet)]
	}
	return string(id)
}

// ValidNetworkID reports whether s can be the ID of a network. It becomes part
// of the IDs of folders.
func ValidNetworkID(s string) bool {
	if len(s) != networkIDLength {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return true
}

// ErrDamaged says that the file of a membership cannot be understood.
var ErrDamaged = errors.New("it is damaged")

// LoadMembership reads the membership in file. A missing file is the zero
// Membership.
func LoadMembership(file string) (Membership, error) {
	var m Membership
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("reading membership: %w", err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return Membership{}, fmt.Errorf("reading membership: %w: %w", ErrDamaged, err)
	}
	if m.Network != "" && !ValidNetworkID(m.Network) || m.Pending != nil && !ValidID(m.Pending.Host) {
		return Membership{}, fmt.Errorf("reading membership: %w", ErrDamaged)
	}
	return m, nil
}

// Save writes the membership to file in one step.
func (m Membership) Save(file string) error {
	m.Schema = 1
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("writing membership: %w", err)
	}
	if err := atomicfile.Write(file, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing membership: %w", err)
	}
	return nil
}
