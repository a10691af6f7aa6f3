package engine

import (
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/protocol"
)

// primaries see to it that two devices with several connections between them agree
// on which one they exchange their indexes: two that dial each other at the same
// moment, at several addresses, have more than one for a while, and each may have
// taken another one for the first.
//
// Syncthing takes a peer's index from the connection on which the peer sent its last
// ClusterConfig, and closes another one on which an index comes. Its own model lets
// a second pass before it sends any, when most often one connection is left. Without
// that second one side has to begin: the one with the lower device ID, and this one
// where the other does as Syncthing does. Whoever hears a ClusterConfig answers on the
// same connection, before anything of its index, unless that is where it spoke last.
type primaries struct {
	self protocol.DeviceID

	mu    sync.Mutex
	stock map[protocol.DeviceID]bool
	peers map[protocol.DeviceID]*primary
}

// primary is what is known of the connections to one peer.
type primary struct {
	hearing sync.Mutex            // held while a ClusterConfig of the peer is acted on
	conns   []protocol.Connection // that are open, in the order in which they came
	spoken  string                // ID of the one on which the peer was sent its last ClusterConfig
	heard   string                // ID of the one on which the peer's last came
	answers map[string]int        // by the ID of a connection
}

// maxAnswers bounds the answers of one side on a connection, that with the lower device
// ID. Else those of two devices that speak on two connections at the same time could
// follow each other without end. The other side answers where this one spoke last.
const maxAnswers = 2

func newPrimaries(self protocol.DeviceID, peers []Peer) *primaries {
	p := &primaries{self: self, peers: map[protocol.DeviceID]*primary{}}
	p.set(peers)
	return p
}

// set says who the peers are.
func (p *primaries) set(peers []Peer) {
	stock := map[protocol.DeviceID]bool{}
	for _, peer := range peers {
		if id, err := protocol.DeviceIDFromString(peer.ID); err == nil && peer.Stock {
			stock[id] = true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stock = stock
}

func (p *primaries) begins(peer protocol.DeviceID) bool {
	return p.self.Compare(peer) < 0 || p.stock[peer]
}

// add takes up a connection that is not started yet, and reports whether the
// exchange begins on it, with a ClusterConfig from here.
func (p *primaries) add(conn protocol.Connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	peer := p.peers[conn.DeviceID()]
	if peer == nil {
		peer = &primary{answers: map[string]int{}}
		p.peers[conn.DeviceID()] = peer
	}
	peer.conns = append(peer.conns, conn)
	return len(peer.conns) == 1 && p.begins(conn.DeviceID())
}

// spoke notes that the peer was sent a ClusterConfig on a connection, from which it
// takes the index of this device now.
func (p *primaries) spoke(conn protocol.Connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	peer, id := p.peers[conn.DeviceID()], conn.ConnectionID()
	if peer != nil && slices.ContainsFunc(peer.conns, func(c protocol.Connection) bool { return c.ConnectionID() == id }) {
		peer.spoken = id
	}
}

// hear is called when the peer has sent a ClusterConfig, and reports whether one has to
// be sent on the same connection before that is acted on. Whoever calls it calls done
// after that.
func (p *primaries) hear(conn protocol.Connection) (answer bool, done func()) {
	id := conn.ConnectionID()
	p.mu.Lock()
	peer := p.peers[conn.DeviceID()]
	p.mu.Unlock()
	if peer == nil {
		return false, func() {} // it was closed
	}
	peer.hearing.Lock()
	p.mu.Lock()
	defer p.mu.Unlock()
	peer.heard = id
	if answer = peer.spoken != id; !answer {
		delete(peer.answers, id) // both are on this one
	} else if p.self.Compare(conn.DeviceID()) < 0 {
		peer.answers[id]++
		answer = peer.answers[id] <= maxAnswers
	}
	return answer, peer.hearing.Unlock
}

// heardOn returns the connections on which peers have sent their latest ClusterConfig:
// those from which Syncthing takes an index.
func (p *primaries) heardOn() []protocol.Connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []protocol.Connection
	for _, peer := range p.peers {
		for _, conn := range peer.conns {
			if conn.ConnectionID() == peer.heard {
				out = append(out, conn)
			}
		}
	}
	return out
}

// close forgets a connection. It returns one on which the exchange has to begin
// again, nil if that is up to the peer, or none is left.
func (p *primaries) close(conn protocol.Connection) protocol.Connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	peer, id := p.peers[conn.DeviceID()], conn.ConnectionID()
	if peer == nil {
		return nil
	}
	peer.conns = slices.DeleteFunc(peer.conns, func(c protocol.Connection) bool { return c.ConnectionID() == id })
	delete(peer.answers, id)
	if len(peer.conns) == 0 {
		delete(p.peers, conn.DeviceID())
		return nil
	}
	if id != peer.spoken && id != peer.heard {
		return nil
	}
	if peer.spoken == id {
		peer.spoken = ""
	}
	// A Syncthing would not answer at once, but with an index.
	if p.stock[conn.DeviceID()] || !p.begins(conn.DeviceID()) {
		return nil
	}
	return peer.conns[0]
}
