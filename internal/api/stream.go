package api

import "time"

// The types of the lines that init, invite and join print with --json.
const (
	TypeInvite   = "invite"
	TypeJoined   = "joined"
	TypeExpired  = "expired"
	TypeProgress = "progress"
)

// InviteLine is the first line of "init --json" and "invite --json". It is the
// only place where the code of an invite is ever written.
type InviteLine struct {
	Schema    int       `json:"schema"`
	Type      string    `json:"type"` // invite
	ID        string    `json:"id"`
	Code      string    `json:"code"`             // five words or a ticket
	Ticket    bool      `json:"ticket,omitempty"` // it is a ticket
	ExpiresAt time.Time `json:"expires_at"`
	Device    Device    `json:"device"`
	Root      string    `json:"root"`
	Relay     string    `json:"relay,omitempty"` // what the guest passes to --relay
	Command   string    `json:"command"`         // what to type on the other machine
	Ways      []Way     `json:"ways,omitempty"`  // by which it can be redeemed, as far as is known
}

// JoinedLine reports a completed pairing: to the host the guest, to the guest
// the host and the network that it is now part of.
type JoinedLine struct {
	Schema  int      `json:"schema"`
	Type    string   `json:"type"` // joined
	Device  Device   `json:"device"`
	Network *Network `json:"network,omitempty"`
	Timing  *Timing  `json:"timing,omitempty"`
}

// Timing says where the time of a join went, in milliseconds.
type Timing struct {
	KeysMS    float64 `json:"keys_ms"`    // Argon2id
	MeetMS    float64 `json:"meet_ms"`    // finding the host and the handshake
	PairMS    float64 `json:"pair_ms"`    // the exchange
	ConnectMS float64 `json:"connect_ms"` // until the engines were connected
	Way       string  `json:"way"`        // how they met: lan or relay
}

// ExpiredLine reports that nobody came in time.
type ExpiredLine struct {
	Schema int    `json:"schema"`
	Type   string `json:"type"` // expired
	ID     string `json:"id"`
}

// ProgressLine tells a person what a join is doing. It is never printed with
// --json.
type ProgressLine struct {
	Schema int    `json:"schema"`
	Type   string `json:"type"`  // progress
	Stage  string `json:"stage"` // keys, meeting, pairing, connecting
	Text   string `json:"text"`
}

// InviteRequest opens an invite: POST /v1/invites, answered by an InviteLine.
type InviteRequest struct {
	Relay  string `json:"relay,omitempty"`  // instead of the relay of config.toml, for this invite only
	Ticket bool   `json:"ticket,omitempty"` // a ticket instead of five words
}

// JoinRequest joins a network: POST /v1/join, answered by lines, each a
// ProgressLine, then one JoinedLine or ErrorReply.
type JoinRequest struct {
	Code    string        `json:"code"` // five words or a ticket
	Relay   string        `json:"relay,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"` // of the whole join, nanoseconds; 0 means the default
}
