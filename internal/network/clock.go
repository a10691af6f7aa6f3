package network

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Limits of what a device says of its clock. It comes from other devices.
const (
	maxHeard        = 32
	maxVersionBytes = 64
)

// Clock is what a device says of its clock, and of those of others: in the file
// clocks/<device id>.json, which nobody else writes. It is written when somebody wants
// to compare clocks, and no more often.
type Clock struct {
	Schema  int    `json:"schema"`
	ID      string `json:"id"`
	Version string `json:"version,omitempty"` // of its botsync
	// At is when this was written, by its clock.
	At time.Time `json:"at"`
	// Asks says that it wants the others to write theirs.
	Asks bool `json:"asks,omitempty"`
	// Heard is what it saw last of others that asked, by device ID.
	Heard map[string]Heard `json:"heard,omitempty"`
}

// Heard is that a device saw what another one said of its clock.
type Heard struct {
	At   time.Time `json:"at"`   // what that one said
	Seen time.Time `json:"seen"` // when, by the clock of the one that saw it
}

// ParseClock reads what the device with the given ID said of its clock.
func ParseClock(id string, data []byte) (Clock, error) {
	var c Clock
	if err := parse(data, &c); err != nil {
		return Clock{}, fmt.Errorf("reading a clock: %w", err)
	}
	switch {
	case c.ID != id || !ValidID(id):
		return Clock{}, errors.New("reading a clock: it claims another device's id")
	case len(c.Version) > maxVersionBytes || !printable(c.Version):
		return Clock{}, errors.New("reading a clock: its version is too long or not printable")
	}
	maps.DeleteFunc(c.Heard, func(about string, h Heard) bool { return !ValidID(about) || !usable(h.At) || !usable(h.Seen) })
	if !usable(c.At) {
		return Clock{}, errors.New("reading a clock: its time makes no sense")
	}
	return c, nil
}

// usable reports whether two such times can be subtracted.
func usable(t time.Time) bool { return t.Year() >= 1900 && t.Year() < 2200 }

// ClockFile is the file that says c. Of many that were heard the latest are kept.
func ClockFile(c Clock) File {
	c.Schema, c.At = api.Schema, c.At.UTC().Round(0)
	latest := slices.SortedFunc(maps.Keys(c.Heard), func(a, b string) int { return c.Heard[b].Seen.Compare(c.Heard[a].Seen) })
	heard := make(map[string]Heard, maxHeard)
	for _, id := range latest[:min(len(latest), maxHeard)] {
		heard[id] = Heard{At: c.Heard[id].At.UTC().Round(0), Seen: c.Heard[id].Seen.UTC().Round(0)}
	}
	c.Heard = heard
	return File{Path: fileOf(clocksDir, c.ID), Data: marshal(c)}
}

// Bounds says how far the clock of a peer is ahead of that of self, at least and at
// most, from what self said and what the peer answered, which was seen at seen by the
// clock of self. It holds however long either was on its way: what was said was said
// before it was seen. It is false if the peer has not answered what self said.
func Bounds(said, answer Clock, seen time.Time) (low, high time.Duration, ok bool) {
	h, heard := answer.Heard[said.ID]
	if !heard || !h.At.Equal(said.At) {
		return 0, 0, false
	}
	return answer.At.Sub(seen), h.Seen.Sub(said.At), true
}
