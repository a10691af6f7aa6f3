package pairing

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
)

// unit is what a hostile relay sees pass: a handshake message or a frame with
// its length. It can tell where they begin and end, since lengths are in clear.
type unit struct {
	from   Side
	index  int // of this sender, from 0, which is the handshake
	offset int // of the first byte in all that this sender sent
	data   []byte
}

// verdict is what a hostile relay does in place of passing a unit on.
type verdict struct {
	forward [][]byte // sent to the receiver
	back    [][]byte // sent to the sender
	hangUp  bool     // then closes both connections
}

// pass is the verdict of an honest relay.
func pass(u unit) verdict { return verdict{forward: [][]byte{u.data}} }

// script is the behaviour of a hostile relay.
type script func(unit) verdict

// relayed returns the connections of a guest and a host with a relay between
// them that follows the script, and a function that waits for the relay's end,
// which comes when both ends have been closed.
func relayed(s script, beforeEnd func()) (guestConn, hostConn net.Conn, wait func()) {
	guestConn, nearGuest := net.Pipe()
	hostConn, nearHost := net.Pipe()
	nearGuest, nearHost = newTurnConn(nearGuest), newTurnConn(nearHost)
	var wg sync.WaitGroup
	carry := func(from Side, src, dst net.Conn) {
		defer src.Close()
		defer dst.Close()
		for u := (unit{from: from}); ; u.index++ {
			data, err := readUnit(src, u.index)
			if err != nil {
				beforeEnd()
				return
			}
			u.data = data
			v := s(u)
			u.offset += len(data)
			for _, b := range v.forward {
				if _, err := dst.Write(b); err != nil {
					return
				}
			}
			for _, b := range v.back {
				if _, err := src.Write(b); err != nil {
					return
				}
			}
			if v.hangUp {
				return
			}
		}
	}
	wg.Go(func() { carry(GuestSide, nearGuest, nearHost) })
	wg.Go(func() { carry(HostSide, nearHost, nearGuest) })
	return guestConn, hostConn, wg.Wait
}

// turnConn lets one goroutine write at a time. net.Pipe does so too, but with a
// mutex, and a bubble's clock stands still while somebody waits for a mutex.
type turnConn struct {
	net.Conn
	turn chan struct{}
}

func newTurnConn(conn net.Conn) net.Conn { return turnConn{conn, make(chan struct{}, 1)} }

func (c turnConn) Write(b []byte) (int, error) {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	return c.Conn.Write(b)
}

// readUnit reads what an honest side sends as its index'th unit.
func readUnit(r io.Reader, index int) ([]byte, error) {
	size := handshakeSize
	var length []byte
	if index > 0 {
		length = make([]byte, lengthSize)
		if _, err := io.ReadFull(r, length); err != nil {
			return nil, err
		}
		size = int(binary.BigEndian.Uint16(length))
	}
	data := make([]byte, len(length)+size)
	copy(data, length)
	_, err := io.ReadFull(r, data[len(length):])
	return data, err
}

// meetThrough runs one exchange through a relay that follows the script.
func (p *parties) meetThrough(ctx context.Context, s script) outcome {
	return p.meetThroughUntil(ctx, s, func() {})
}

// meetThroughUntil is meetThrough with a relay that calls beforeEnd before it
// tells one side that the other has gone.
func (p *parties) meetThroughUntil(ctx context.Context, s script, beforeEnd func()) outcome {
	guestConn, hostConn, wait := relayed(s, beforeEnd)
	out := p.meet(ctx, guestConn, hostConn)
	wait()
	return out
}

// transcript is what each side sent in an exchange, unit by unit.
type transcript map[Side][][]byte

// record returns a script that passes everything on and keeps it in t.
func (t transcript) record() script {
	var mu sync.Mutex
	return func(u unit) verdict {
		mu.Lock()
		defer mu.Unlock()
		t[u.from] = append(t[u.from], u.data)
		return pass(u)
	}
}

// size returns how many bytes a side sent.
func (t transcript) size(from Side) int {
	n := 0
	for _, data := range t[from] {
		n += len(data)
	}
	return n
}
