package pairing

import "time"

// Protocol is the version of the exchange that this package speaks.
const Protocol = 1

// How long things may take. All of them end at once when the context does.
const (
	// HandshakeTimeout is from the start of [Handshake] to a proven counterpart.
	HandshakeTimeout = 10 * time.Second
	// ExchangeTimeout is from the start of [Handshake] to the end of Run.
	ExchangeTimeout = 30 * time.Second
	// ConfirmTimeout is how long a guest that has stored and acknowledged a
	// welcome waits for the host to say that it is done.
	ConfirmTimeout = 5 * time.Second
	// refuseTimeout is how long sending a refusal may hold up the end.
	refuseTimeout = 2 * time.Second
)

// The largest values that either side sends or takes from the other.
const (
	MaxMessage   = 1 << 20 // bytes of a Welcome, the largest message
	MaxDevices   = 1000    // device records in a Welcome
	MaxFolders   = 64      // folders in a Welcome
	MaxServers   = 16      // servers of one kind in a Welcome
	MaxAddresses = 32      // addresses of one device
	MaxAddress   = 256     // bytes of one address
	MaxName      = 64      // runes of the name of a device or folder
	MaxToken     = 64      // bytes of the ID of a network or folder
	MaxRole      = 16      // bytes of a role

	maxHello     = 64 << 10 // bytes of a Hello; one at all other limits has 17 KiB
	maxSmall     = 4 << 10  // bytes of an Ack, a Done and an Error
	maxErrorText = 256      // runes of the message in an Error
)
