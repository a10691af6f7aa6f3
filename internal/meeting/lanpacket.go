package meeting

import (
	"encoding/binary"
	"errors"
)

// A lanPacket is the one datagram of the lan way: every kind has the same 40 bytes, so that an answer is never
// larger than the question.
//
//	0   4  "bsyn"
//	4   1  version, 1
//	5   1  kind: 1 query, 2 answer, 3 announcement
//	6   2  TCP port of the host, big-endian; 0 in a query
//	8  32  label
type lanPacket struct {
	kind  lanKind
	port  uint16
	label [32]byte
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
	lanPacketLen = 40
)

var errNotOurs = errors.New("not a botsync datagram")

func (p lanPacket) encode() []byte {
	b := make([]byte, 0, lanPacketLen)
	b = append(b, lanMagic...)
	b = append(b, lanVersion, byte(p.kind))
	b = binary.BigEndian.AppendUint16(b, p.port)
	return append(b, p.label[:]...)
}

// parseLANPacket accepts exactly what encode makes. Everything else on the port is somebody else's, or a later
// version, which will not need this one to understand it.
func parseLANPacket(b []byte) (lanPacket, error) {
	if len(b) != lanPacketLen || string(b[:4]) != lanMagic || b[4] != lanVersion {
		return lanPacket{}, errNotOurs
	}
	p := lanPacket{kind: lanKind(b[5]), port: binary.BigEndian.Uint16(b[6:8]), label: [32]byte(b[8:])}
	switch p.kind {
	case lanQuery:
		if p.port != 0 {
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
