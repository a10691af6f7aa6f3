package meeting

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// Whatever a relay says: it is an error or a message of a known kind, and what it is
// read from ends where the message does.
func FuzzReadSyncRelay(f *testing.F) {
	var pong, join bytes.Buffer
	if err := errors.Join(writePong(&pong), writeJoinRelay(&join, "token")); err != nil {
		f.Fatal(err)
	}
	f.Add(pong.Bytes())
	f.Add(join.Bytes()) // which a relay does not say
	magic := []byte{0x9e, 0x79, 0xbc, 0x40}
	message := func(kind byte, parts ...[]byte) []byte { // in XDR: each with its length before, filled up to four bytes
		var body []byte
		for _, p := range parts {
			body = append(binary.BigEndian.AppendUint32(body, uint32(len(p))), p...)
			body = append(body, make([]byte, -len(p)&3)...)
		}
		return append(binary.BigEndian.AppendUint32(append(magic, 0, 0, 0, kind), uint32(len(body))), body...)
	}
	for kind := range byte(9) {
		f.Add(message(kind))
		f.Add(message(kind, make([]byte, 32), []byte("key"), []byte{127, 0, 0, 1}))
		f.Add(append(message(kind, make([]byte, 32), []byte("key"), make([]byte, 16)), make([]byte, 8)...))
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
