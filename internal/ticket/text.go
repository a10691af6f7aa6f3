package ticket

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"net/netip"
	"strings"
	"time"
	"unicode"
)

const (
	letters = "bst"
	version = "1"
	// maxText is far more than the longest ticket, 938 characters, with a line break after every one.
	maxText   = 4096
	checkSize = 4
	maxTime   = math.MaxUint32

	flagDevice = 1
	flagRelay  = 2
)

var (
	encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	castagno = crc32.MakeTable(crc32.Castagnoli)
)

// check is of everything before it, the prefix included. A CRC finds every change of a single character for sure.
func check(prefix string, body []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(prefix), castagno), castagno, body)
}

// Text returns the ticket in clear, in lower case and without spaces.
func (t Ticket) Text() string {
	b := t.body()
	b = binary.BigEndian.AppendUint32(b, check(letters+version, b))
	return letters + version + encoding.EncodeToString(b)
}

func (t Ticket) body() []byte {
	var flags byte
	if t.Device != [32]byte{} {
		flags |= flagDevice
	}
	if t.Relay != "" {
		flags |= flagRelay
	}
	b := append([]byte{flags}, t.key[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(t.Expires.Unix()))
	b = append(b, byte(len(t.Addresses)))
	for _, ap := range t.Addresses {
		kind := byte(6)
		if ap.Addr().Is4() {
			kind = 4
		}
		b = append(append(b, kind), ap.Addr().AsSlice()...)
		b = binary.BigEndian.AppendUint16(b, ap.Port())
	}
	if flags&flagDevice != 0 {
		b = append(b, t.Device[:]...)
	}
	if flags&flagRelay != 0 {
		b = append(append(b, byte(len(t.Relay))), t.Relay...)
	}
	return b
}

// ErrChecksum says that a ticket has been changed or cut on the way.
var ErrChecksum = errors.New("the ticket is damaged: a character is wrong or missing; copy it again, as a whole")

// A SyntaxError says why a text is no ticket.
type SyntaxError struct{ Reason string }

func (e *SyntaxError) Error() string { return "this is no ticket: " + e.Reason }

// A VersionError says that a ticket is from a newer botsync.
type VersionError struct{ Version string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the ticket was made by a newer botsync (version %s of tickets; this one reads %s): update botsync on this machine",
		e.Version, version)
}

// IsTicket reports whether s looks like a ticket, perhaps a damaged one, rather than like a code of five words.
func IsTicket(s string) bool {
	s = compact(s)
	if len(s) > len(letters) && strings.HasPrefix(s, letters) && s[len(letters)] >= '0' && s[len(letters)] <= '9' {
		return true
	}
	// Five words have 45 letters at most.
	return len(s) > 60 && !strings.ContainsFunc(s, func(r rune) bool { return !isAlphanumeric(r) })
}

// compact takes away what copying adds.
func compact(s string) string {
	if len(s) > maxText {
		s = s[:maxText+1]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' {
			return -1
		}
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

func isAlphanumeric(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }

// Parse reads a ticket. The error is a *SyntaxError if it is none, ErrChecksum if it is damaged, or a *VersionError if it
// is of a newer version. Whether it has expired is for [Ticket.CheckExpiry] to say.
func Parse(s string) (Ticket, error) {
	if len(s) > maxText {
		return Ticket{}, &SyntaxError{fmt.Sprintf("it is longer than %d characters", maxText)}
	}
	s = compact(s)
	rest, ok := strings.CutPrefix(s, letters)
	if !ok || rest == "" || !isAlphanumeric(rune(rest[0])) {
		return Ticket{}, &SyntaxError{"it does not begin with " + letters + version}
	}
	prefix, rest := s[:len(letters)+1], rest[1:]
	data, err := encoding.DecodeString(rest)
	if err != nil {
		return Ticket{}, explain(rest)
	}
	if len(data) <= checkSize || encoding.EncodeToString(data) != rest {
		return Ticket{}, ErrChecksum
	}
	body, sum := data[:len(data)-checkSize], data[len(data)-checkSize:]
	if binary.BigEndian.Uint32(sum) != check(prefix, body) {
		return Ticket{}, ErrChecksum
	}
	if v := prefix[len(letters):]; v != version {
		return Ticket{}, &VersionError{v}
	}
	return parseBody(body)
}

// explain says what is wrong with a text that is no base32: a character that never occurs, or one that is missing.
func explain(s string) error {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '2' || r > '7') {
			return fmt.Errorf("%w (%q is in no ticket)", ErrChecksum, r)
		}
	}
	return ErrChecksum
}

// parseBody reads a body whose check is right, so that what is wrong with it was made wrong.
func parseBody(body []byte) (Ticket, error) {
	r := reader{rest: body}
	flags := r.next(1)[0]
	if flags&^(flagDevice|flagRelay) != 0 {
		return Ticket{}, &VersionError{version + "+"}
	}
	var t Ticket
	copy(t.key[:], r.next(32))
	t.Expires = time.Unix(int64(binary.BigEndian.Uint32(r.next(4))), 0).UTC()
	for range r.next(1)[0] {
		size := 16
		switch kind := r.next(1)[0]; kind {
		case 4:
			size = 4
		case 6:
		default:
			return Ticket{}, &SyntaxError{"an address is of an unknown kind"}
		}
		addr, _ := netip.AddrFromSlice(r.next(size))
		t.Addresses = append(t.Addresses, netip.AddrPortFrom(addr, binary.BigEndian.Uint16(r.next(2))))
	}
	if flags&flagDevice != 0 {
		copy(t.Device[:], r.next(32))
		if t.Device == [32]byte{} {
			return Ticket{}, &SyntaxError{"the device ID is blank"}
		}
	}
	if flags&flagRelay != 0 {
		t.Relay = string(r.next(int(r.next(1)[0])))
		if t.Relay == "" {
			return Ticket{}, &SyntaxError{"the relay is blank"}
		}
	}
	switch {
	case r.short:
		return Ticket{}, &SyntaxError{"it ends too early"}
	case len(r.rest) > 0:
		return Ticket{}, &SyntaxError{"something follows its end"}
	}
	if err := t.check(); err != nil {
		return Ticket{}, &SyntaxError{err.Error()}
	}
	return t, nil
}

// A reader hands out bytes, and zeros once there are not enough.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) next(n int) []byte {
	if n > len(r.rest) {
		r.short, r.rest = true, nil
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
