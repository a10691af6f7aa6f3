package relay

import (
	"log/slog"
	"net/netip"
	"time"
)

// A Config sets a relay's limits. The zero value of every field stands for the default named beside it,
// which suits a small public server; a relay cannot be run without limits.
type Config struct {
	// Lifetime is how long a host may wait for a guest, and how long a used label is remembered. 10 minutes.
	Lifetime time.Duration
	// MaxBytes is what one meeting may carry, both directions together. 2 MiB.
	MaxBytes int64
	// MaxDuration is how long host and guest may stay joined. 60 seconds.
	MaxDuration time.Duration
	// SpeakTimeout is how long a guest that was joined may stay silent; the guest speaks first. 10 seconds.
	SpeakTimeout time.Duration
	// MaxMessage is the size of one WebSocket message in bytes. 64 KiB.
	MaxMessage int64

	// MaxMeetings bounds the hosts, and likewise the guests, that are connected. 10,000.
	MaxMeetings int
	// MaxMeetingsPerAddress bounds the same for one client address. 100.
	MaxMeetingsPerAddress int
	// RequestRate is how many requests a second one client address may make in the long run. 10.
	RequestRate float64
	// RequestBurst is how many it may make at once. 100.
	RequestBurst int

	// MaxPending bounds the connections that have not yet become part of a meeting. When one more comes,
	// the oldest of the address that has the most is closed. 1,024.
	MaxPending int
	// HeaderTimeout is how long a client may take to send its request. 5 seconds.
	HeaderTimeout time.Duration
	// MaxHeaderBytes bounds the request line and headers. 8 KiB.
	MaxHeaderBytes int

	// PingInterval is how often a connected host or guest is pinged. 20 seconds.
	PingInterval time.Duration
	// PingTimeout is how long it may take to answer. 10 seconds.
	PingTimeout time.Duration
	// ShutdownGrace is how long meetings in progress may go on when the relay is stopped. 5 seconds.
	ShutdownGrace time.Duration

	// TrustedProxies are the reverse proxies in front of the relay. A request from one of them is counted
	// on the right-most address of its X-Forwarded-For headers that is not itself a trusted proxy. Empty by
	// default: then the header is ignored, since any client can send it.
	TrustedProxies []netip.Prefix

	// Store keeps the meetings. In memory by default.
	Store Store
	// Log receives counts, never labels or addresses. Discarded by default.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	setDefault(&c.Lifetime, 10*time.Minute)
	setDefault(&c.MaxBytes, 2<<20)
	setDefault(&c.MaxDuration, time.Minute)
	setDefault(&c.SpeakTimeout, 10*time.Second)
	setDefault(&c.MaxMessage, 64<<10)
	setDefault(&c.MaxMeetings, 10_000)
	setDefault(&c.MaxMeetingsPerAddress, 100)
	setDefault(&c.RequestRate, 10)
	setDefault(&c.RequestBurst, 100)
	setDefault(&c.MaxPending, 1024)
	setDefault(&c.HeaderTimeout, 5*time.Second)
	setDefault(&c.MaxHeaderBytes, 8<<10)
	setDefault(&c.PingInterval, 20*time.Second)
	setDefault(&c.PingTimeout, 10*time.Second)
	setDefault(&c.ShutdownGrace, 5*time.Second)
	if c.Store == nil {
		// Used labels outlive their meetings, so there may be more of them than of meetings.
		c.Store = NewMemory(8 * c.MaxMeetings)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T int | int64 | float64 | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}
