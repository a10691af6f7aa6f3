package pairing

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Each side meets one of another version: it says which side to update, and so
// does what it tells the other side.
func TestOtherVersions(t *testing.T) {
	t.Parallel()
	const newer = Protocol + 1
	check := func(t *testing.T, err error, side, update Side, where string) {
		t.Helper()
		version, ok := errors.AsType[*ProtocolError](err)
		if !ok {
			t.Fatalf("the %s got %v, want a ProtocolError", side, err)
		}
		if version.Side != side || version.Ours != Protocol || version.Theirs != newer || version.Update() != update {
			t.Errorf("the %s got %+v", side, version)
		}
		if !strings.HasSuffix(err.Error(), "update botsync "+where) {
			t.Errorf("the message %q does not end by saying to update %s", err, where)
		}
	}
	t.Run("newer guest", func(t *testing.T) {
		t.Parallel()
		p := newParties()
		facing(t, GuestSide, func(r rogue) {
			// Besides the version, nothing need be as it is now.
			r.say(messageHello, `{"protocol":2,"device":[],"greeting":"hello"}`)
			body, err := readError(r)
			if err != nil || body.Code != CodeProtocol || body.Protocol != Protocol {
				t.Errorf("the guest was told %+v, %v", body, err)
			}
		}, func(ch *Channel, err error) {
			if err == nil {
				err = p.host().Run(context.Background(), ch)
			}
			check(t, err, HostSide, HostSide, "here")
		})
		p.checkRetry(t, t.Context())
	})
	t.Run("newer host answers", func(t *testing.T) {
		t.Parallel()
		p := newParties()
		facing(t, HostSide, func(r rogue) {
			_ = r.hear(messageHello)
			r.say(messageWelcome, `{"protocol":2,"folders":{}}`)
			body, err := readError(r)
			if err != nil || body.Code != CodeProtocol || body.Protocol != Protocol {
				t.Errorf("the host was told %+v, %v", body, err)
			}
		}, func(ch *Channel, err error) {
			if err == nil {
				_, err = p.guest().Run(context.Background(), ch)
			}
			check(t, err, GuestSide, GuestSide, "here")
		})
	})
	t.Run("newer host refuses", func(t *testing.T) {
		t.Parallel()
		p := newParties()
		facing(t, HostSide, func(r rogue) {
			_ = r.hear(messageHello)
			r.say(messageError, `{"code":"protocol","message":"m","protocol":2}`)
		}, func(ch *Channel, err error) {
			if err == nil {
				_, err = p.guest().Run(context.Background(), ch)
			}
			check(t, err, GuestSide, GuestSide, "here")
		})
	})
}

// readError reads a refusal as it is on the wire.
func readError(r rogue) (errorMessage, error) {
	_, body, err := readMessage(r.ch.openFrame, func(typ messageType) (int, error) { return typ.limit(), nil })
	if err != nil {
		return errorMessage{}, err
	}
	return decodeError(body)
}

func TestProtocolErrorSaysWhichSideToUpdate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  ProtocolError
		want string
	}{
		{ProtocolError{Side: GuestSide, Ours: 1, Theirs: 2}, "the host speaks pairing protocol 2 and this side 1: update botsync here"},
		{ProtocolError{Side: HostSide, Ours: 1, Theirs: 2}, "the guest speaks pairing protocol 2 and this side 1: update botsync here"},
		{ProtocolError{Side: GuestSide, Ours: 2, Theirs: 1}, "the host speaks pairing protocol 1 and this side 2: update botsync on the other side (the host)"},
		{ProtocolError{Side: HostSide, Ours: 2, Theirs: 1}, "the guest speaks pairing protocol 1 and this side 2: update botsync on the other side (the guest)"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
