package pairing

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// ErrHandshake is the error when bytes do not prove to come from a holder of
// the same code: the other end has another key, is no botsync at all, or what
// it sent was changed, repeated, left out or reordered on the way.
var ErrHandshake = errors.New("the other end does not hold the same code, or the bytes were changed on the way")

// The codes of a refusal. Later versions may add others.
const (
	CodeInviteUsed = "invite_used" // the invite has been used by another device
	CodeBusy       = "busy"        // another device is pairing under the invite; try again
	CodeProtocol   = "protocol"    // the protocol version is unknown to the refuser
	CodeState      = "state"       // not possible in the state that the refuser is in
	CodeInvalid    = "invalid"     // a message breaks the rules of the protocol
	CodeInternal   = "internal"    // the refuser failed; its own log says how
)

// RefusedError says that one side will not go on, and why.
//
// A callback returns one to choose what the other side is told; any other error
// of a callback is told as [CodeInternal], without its text.
type RefusedError struct {
	Code    string // one of the Code constants, or one that is not known yet
	Message string // for a person; one line, printable
	Remote  bool   // it came from the other side
}

func (e *RefusedError) Error() string {
	if e.Remote {
		return fmt.Sprintf("the other side refused: %s (%s)", e.Message, e.Code)
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Code)
}

// ProtocolError says that the two sides speak different protocol versions.
type ProtocolError struct {
	Side   Side // which side this is
	Ours   int  // the version that this side speaks
	Theirs int  // the version that the other side speaks
}

// Update returns the side that has to be updated, the one with the older version.
func (e *ProtocolError) Update() Side {
	if e.Ours < e.Theirs {
		return e.Side
	}
	return e.Side.other()
}

func (e *ProtocolError) Error() string {
	which := "here"
	if e.Update() != e.Side {
		which = fmt.Sprintf("on the other side (the %s)", e.Side.other())
	}
	return fmt.Sprintf("the %s speaks pairing protocol %d and this side %d: update botsync %s",
		e.Side.other(), e.Theirs, e.Ours, which)
}

// UncertainError is the error of a guest that has stored a welcome but has no
// word from the host that it accepted. Either may be true: the host has the
// guest, or its invite is still open and trying again will succeed. If it wraps
// a [*RefusedError], the host has said that it did not accept.
type UncertainError struct {
	Err error
}

func (e *UncertainError) Error() string {
	return "stored, but the host has not confirmed: " + e.Err.Error()
}

func (e *UncertainError) Unwrap() error { return e.Err }

// invalidError says that a message of the other side, though it came from a
// holder of the code, breaks the rules of the protocol. Its text may quote the
// other side, so it is made harmless.
type invalidError struct {
	err error
}

func (e *invalidError) Error() string { return "invalid message: " + oneLine(e.err.Error()) }
func (e *invalidError) Unwrap() error { return e.err }

func invalid(format string, args ...any) error {
	return &invalidError{err: fmt.Errorf(format, args...)}
}

// internalError is a failure of this side's own, of which the other side learns
// nothing but that it happened: the text may name files and people.
type internalError struct {
	err error
}

func (e *internalError) Error() string { return e.err.Error() }
func (e *internalError) Unwrap() error { return e.err }

// oneLine returns text as one line of printable characters, cut to
// maxErrorText runes.
func oneLine(text string) string {
	var b strings.Builder
	runes := 0
	for _, r := range text {
		if runes++; runes > maxErrorText {
			break
		}
		if !unicode.IsPrint(r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}
