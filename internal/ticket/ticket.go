// Package ticket makes and reads tickets: one long code that holds all that a guest needs to reach a host, so that
// the two pair with no third party and no multicast.
//
// # Text form
//
// A ticket is the letters bst, a version, and base32 (RFC 4648 without padding, section 6) of a body and its check:
//
//	"bst" "1" base32( body || CRC-32C("bst1" || body) )
//
// It is shown in lower case and read in any, with spaces and line breaks ignored; in upper case it has only characters
// of the alphanumeric mode of QR codes. Every version keeps the letters, the place of the version and the check, so
// that damage is told from a ticket of a newer botsync.
//
// The body, with numbers in big-endian order:
//
//	length  content
//	1       flags: 1 a device ID follows, 2 a relay follows
//	32      key
//	4       end, in seconds since 1970
//	1       number of addresses
//	each    1: 4 or 6, 4 or 16: the IP address, 2: the port
//	32      device ID of the host, if flagged: SHA-256 of its certificate
//	1 + n   relay, if flagged: length and URL
//
// Nothing may follow, and there is one way only to write each ticket.
//
// # Keys
//
// The key is drawn for one ticket. The place to meet and the key of the handshake are derived from it by
// HKDF-SHA-256 without salt, with the infos "botsync/ticket/1 place" and "botsync/ticket/1 psk".
package ticket

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"
)

const (
	// MaxAddresses is how many addresses a ticket holds at most.
	MaxAddresses = 16
	// MaxRelay is the longest URL of a relay in a ticket, in bytes.
	MaxRelay = 200
)

// A Ticket is an invite in itself. It prints as "[ticket]"; [Ticket.Text] is the ticket in clear.
type Ticket struct {
	// Expires is when the host stops waiting, by the host's clock, to the second.
	Expires time.Time
	// Device is the Syncthing device ID of the host in binary, or zero if the ticket does not say.
	Device [32]byte
	// Addresses are where the host listens.
	Addresses []netip.AddrPort
	// Relay is the URL of a pairing relay at which the host waits, too; or empty.
	Relay string

	key [32]byte
}

// New draws the key of a ticket for a host that can be reached at the addresses, at the relay, or both.
func New(expires time.Time, device [32]byte, addresses []netip.AddrPort, relay string) (Ticket, error) {
	t := Ticket{Expires: expires.UTC().Truncate(time.Second), Device: device, Addresses: addresses, Relay: relay}
	if err := t.check(); err != nil {
		return Ticket{}, fmt.Errorf("making a ticket: %w", err)
	}
	rand.Read(t.key[:]) // never fails
	return t, nil
}

// check holds for what New makes and Parse reads.
func (t Ticket) check() error {
	switch {
	case len(t.Addresses) == 0 && t.Relay == "":
		return errors.New("it names neither an address nor a relay")
	case len(t.Addresses) > MaxAddresses:
		return fmt.Errorf("it has %d addresses, more than %d", len(t.Addresses), MaxAddresses)
	case len(t.Relay) > MaxRelay:
		return fmt.Errorf("the relay's URL is longer than %d bytes", MaxRelay)
	case t.Expires.Unix() < 0 || t.Expires.Unix() > maxTime:
		return errors.New("its end is outside of 1970 to 2106")
	}
	for _, ap := range t.Addresses {
		addr := ap.Addr()
		if !addr.IsValid() || addr.Zone() != "" || addr.Is4In6() || addr.IsUnspecified() || ap.Port() == 0 {
			return fmt.Errorf("%v is no address that a guest can dial", ap)
		}
	}
	for _, r := range t.Relay {
		if r <= ' ' || r > '~' {
			return errors.New("the relay's URL has a character that no URL has")
		}
	}
	return nil
}

// Keys returns where to meet, and the key that the two sides prove to each other.
func (t Ticket) Keys() (place, psk [32]byte) {
	return t.derive("place"), t.derive("psk")
}

func (t Ticket) derive(what string) [32]byte {
	k, err := hkdf.Key(sha256.New, t.key[:], nil, "botsync/ticket/1 "+what, 32)
	if err != nil {
		panic(err) // the length is a constant that is allowed
	}
	return [32]byte(k)
}

// ErrExpired says that the end of a ticket has passed.
var ErrExpired = errors.New("the ticket has expired")

// CheckExpiry returns an error that is ErrExpired if the ticket had ended at now. Since the clock of either side may be
// wrong, and the host stops waiting at the end in any case, this explains why nobody was found rather than being a
// reason not to look.
func (t Ticket) CheckExpiry(now time.Time) error {
	if now.Before(t.Expires) {
		return nil
	}
	return fmt.Errorf("%w: its end was %s, and this machine's clock says %s",
		ErrExpired, t.Expires.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
}

const redacted = "[ticket]"

// Format hides the ticket from fmt.
func (Ticket) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// LogValue hides the ticket from logs.
func (Ticket) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText refuses, so that no JSON can hold a ticket by accident.
func (Ticket) MarshalText() ([]byte, error) {
	return nil, errors.New("tickets are not for show: use Ticket.Text")
}
