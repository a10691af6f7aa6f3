package pairing

import "strconv"

// Side is the part that a device plays in a pairing.
type Side int

const (
	GuestSide Side = iota + 1 // has been given a code; speaks first
	HostSide                  // holds the invite
)

// String returns "guest" or "host".
func (s Side) String() string {
	switch s {
	case GuestSide:
		return "guest"
	case HostSide:
		return "host"
	default:
		return "Side(" + strconv.Itoa(int(s)) + ")"
	}
}

// other returns the counterpart of s.
func (s Side) other() Side {
	if s == GuestSide {
		return HostSide
	}
	return GuestSide
}
