package pairing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/botsync/botsync/internal/code"
)

// The parameters of the key derivation, RFC 9106. They are part of the
// protocol: with others, the same code leads to another place.
const (
	argonSalt    = "botsync/pair/1"
	argonTime    = 3         // passes
	argonMemory  = 64 * 1024 // KiB
	argonThreads = 4         // lanes
)

// labelPrefix separates the label from every other hash of a place.
const labelPrefix = "botsync/meet/1"

// KeysSize is the length of [Keys.Bytes].
const KeysSize = 64

// Place is the half of the keys that says where to meet. Whoever knows it can
// come to the meeting, but not pair. It is secret; its [Place.Label] is not.
type Place [32]byte

// PSK is the half of the keys that the two sides prove to each other.
type PSK [32]byte

// Keys is all that an invite's code stands for. Keys print as "[keys]" and
// refuse to be marshalled as text; use [Keys.Bytes] to keep them in a file that
// only their owner can read.
type Keys struct {
	Place Place
	PSK   PSK
}

// DeriveKeys derives the keys of a code. It takes 64 MiB of memory and a few
// tenths of a second on up to four cores, on purpose: that is the price of each
// guess for who has seen a label. The memory is garbage afterwards, but the runtime keeps
// it from the operating system for minutes; a process that goes on running calls
// debug.FreeOSMemory to give it back at once.
//
// It panics for the zero Code, whose keys everybody could derive.
func DeriveKeys(c code.Code) Keys {
	if c.IsZero() {
		panic("pairing: keys of the zero Code")
	}
	k := argon2.IDKey([]byte(strings.Join(c.Words(), " ")), []byte(argonSalt),
		argonTime, argonMemory, argonThreads, KeysSize)
	return Keys{Place: Place(k[:32]), PSK: PSK(k[32:])}
}

// KeysFromBytes reads what [Keys.Bytes] returned.
func KeysFromBytes(b []byte) (Keys, error) {
	if len(b) != KeysSize {
		return Keys{}, fmt.Errorf("pairing keys of %d bytes, want %d", len(b), KeysSize)
	}
	k := Keys{Place: Place(b[:32]), PSK: PSK(b[32:])}
	if k.Place == (Place{}) || k.PSK == (PSK{}) {
		return Keys{}, fmt.Errorf("pairing keys are blank")
	}
	return k, nil
}

// Bytes returns the keys in clear: the place, then the PSK, [KeysSize] bytes.
func (k Keys) Bytes() []byte {
	return append(k.Place[:], k.PSK[:]...)
}

// Label returns the public name of the place, the hexadecimal SHA-256 of it: 64
// characters. Devices look for each other under it.
func (p Place) Label() string {
	sum := sha256.Sum256(append([]byte(labelPrefix), p[:]...))
	return hex.EncodeToString(sum[:])
}
