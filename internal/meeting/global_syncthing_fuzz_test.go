package meeting

import (
	"bytes"
	"testing"

	relay "github.com/syncthing/syncthing/lib/relay/protocol"
)

// Whatever a relay says: it is an error or a message of a known kind, and what it is
// read from ends where the message does.
func FuzzReadSyncRelay(f *testing.F) {
	for _, m := range []any{relay.Ping{}, relay.Pong{}, relay.RelayFull{}, relay.ResponseSuccess, relay.ResponseNotFound, relay.ResponseAlreadyConnected,
		relay.SessionInvitation{From: make([]byte, 32), Key: []byte("key"), Address: []byte{127, 0, 0, 1}, Port: 22067},
		relay.SessionInvitation{Address: []byte{1, 2, 3}}, relay.JoinRelayRequest{Token: "x"}} {
		var b bytes.Buffer
		if err := relay.WriteMessage(&b, m); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte{0x9e, 0x79, 0xbc, 0x40, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, said []byte) {
		h, err := readSyncRelay(bytes.NewReader(said))
		switch {
		case err != nil:
			return
		case h.kind < syncRelayPing || h.kind > syncRelayInvitation:
			t.Fatalf("%+v", h)
		case h.kind != syncRelayInvitation && (h.key != nil || h.session.IsValid()), h.kind != syncRelayAnswer && h.refusal != nil:
			t.Fatalf("%+v", h)
		case h.session.IsValid() && h.session.IsUnspecified():
			t.Fatalf("a session at %v", h.session)
		}
	})
}
