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
// where the other does as Syncthing does. The other side answers on the same
// connection, before anything of its index.
type primaries struct {
	self protocol.DeviceID

	mu    sync.Mutex
	stock map[protocol.DeviceID]bool // they begin a second later, but let others begin
	peers map[protocol.DeviceID]*primary
}

// primary is what is known of the connections to one peer.
type primary struct {
	conns []protocol.Connection // that are open, in the order in which they came
	heard string                // ID of the one on which the peer's last ClusterConfig came
	told  map[string]bool       // those on which it was sent one that holds
}

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
		peer = &primary{told: map[string]bool{}}
		p.peers[conn.DeviceID()] = peer
	}
	peer.conns = append(peer.conns, conn)
	if len(peer.conns) > 1 || !p.begins(conn.DeviceID()) {
		return false
	}
	peer.told[conn.ConnectionID()] = true
	return true
}

// tell notes that the peer is sent a ClusterConfig.
func (p *primaries) tell(conn protocol.Connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if peer := p.peers[conn.DeviceID()]; peer != nil {
		peer.told[conn.ConnectionID()] = true
	}
}

// hear notes that the peer has sent one, and reports whether it has to be answered:
// it takes no index on this connection yet.
func (p *primaries) hear(conn protocol.Connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	peer, id := p.peers[conn.DeviceID()], conn.ConnectionID()
	if peer == nil {
		return false
	}
	told := peer.told[id]
	peer.heard, peer.told = id, map[string]bool{id: true}
	return !told
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
	delete(peer.told, id)
	if len(peer.conns) == 0 {
		delete(p.peers, conn.DeviceID())
		return nil
	}
	if peer.heard != id && peer.heard != "" {
		return nil
	}
	peer.heard = ""
	if !p.begins(conn.DeviceID()) {
		return nil
	}
	next := peer.conns[0]
	peer.told[next.ConnectionID()] = true
	return next
}
