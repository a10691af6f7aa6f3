package meeting

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
)

// A lanPacket is the one datagram of the lan way: every kind has the same 56 bytes, so that an answer is never
// larger than the question.
//
//	 0   4  "bsyn"
//	 4   1  version, 1
//	 5   1  kind: 1 query, 2 answer, 3 announcement
//	 6   2  TCP port of the host, big-endian; 0 in a query
//	 8  32  label
//	40  16  proof; zeros in a query
type lanPacket struct {
	kind  lanKind
	port  uint16
	label [32]byte
	proof [16]byte
}

type lanKind byte

const (
	lanQuery    lanKind = 1
	lanAnswer   lanKind = 2
	lanAnnounce lanKind = 3
)

const (
	lanMagic     = "bsyn"
	lanVersion   = 1
	lanPacketLen = 56
)

var errNotOurs = errors.New("not a botsync datagram")

func (p lanPacket) encode() []byte {
	b := make([]byte, 0, lanPacketLen)
	b = append(b, lanMagic...)
	b = append(b, lanVersion, byte(p.kind))
	b = binary.BigEndian.AppendUint16(b, p.port)
	b = append(b, p.label[:]...)
	return append(b, p.proof[:]...)
}

// prove returns the proof of a host that guests can reach it at ip and port. Whoever has seen the label can claim to be
// the host; the proof takes the secret that the label was made from, and is of use for this one address only.
//
// Its lack only makes a claim less likely: the host cannot always know from which address a guest sees it.
func prove(secret [32]byte, ip netip.Addr, port uint16) (proof [16]byte) {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte("botsync/lan/1"))
	addr := ip.As16()
	mac.Write(addr[:])
	mac.Write([]byte{byte(port >> 8), byte(port)})
	copy(proof[:], mac.Sum(nil))
	return proof
}

// parseLANPacket accepts exactly what encode makes. Everything else on the port is somebody else's, or a later
// version, which will not need this one to understand it.
func parseLANPacket(b []byte) (lanPacket, error) {
	if len(b) != lanPacketLen || string(b[:4]) != lanMagic || b[4] != lanVersion {
		return lanPacket{}, errNotOurs
	}
	p := lanPacket{kind: lanKind(b[5]), port: binary.BigEndian.Uint16(b[6:8]), label: [32]byte(b[8:40]), proof: [16]byte(b[40:])}
	switch p.kind {
	case lanQuery:
		if p.port != 0 || p.proof != [16]byte{} {
			return lanPacket{}, errNotOurs
		}
	case lanAnswer, lanAnnounce:
		if p.port == 0 {
			return lanPacket{}, errNotOurs
		}
	default:
		return lanPacket{}, errNotOurs
	}
	return p, nil
}
