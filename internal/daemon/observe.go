package daemon

import (
	"context"
	"sync"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
)

// observe takes an event of the engine. It runs on the engine's own goroutine
// and must not block.
func (d *daemon) observe(ev engine.Event) {
	defer d.bell.ring() // when the rest of it is known
	switch ev.Type {
	case engine.PeerConnected:
		if d.peers.connect(ev.Peer) && !d.peers.refuses(ev.Peer) {
			device := d.members.device(ev.Peer)
			d.log.Info("connected", "peer", device.Name, "device", device.ID)
			d.activity.Add(api.Event{Time: ev.Time, Type: api.EventPeerConnected, Device: device})
		}
	case engine.PeerAccepted:
		d.peers.accept(ev.Peer)
		d.wake() // a pending join may be complete
	case engine.PeerDisconnected:
		if d.peers.disconnect(ev.Peer) {
			return // this goes on and on
		}
		device := d.members.device(ev.Peer)
		d.log.Info("disconnected", "peer", device.Name, "device", device.ID)
		d.activity.Add(api.Event{Time: ev.Time, Type: api.EventPeerDisconnected, Device: device})
	case engine.FileReceived, engine.FileChanged:
		if ev.Folder == recordsFolder {
			d.wake()
		}
	case engine.IndexUpdated:
		if ev.Peer == "" && ev.Folder != recordsFolder {
			d.recorder.note()
		}
	case engine.FolderState:
		if ev.Folder != recordsFolder {
			d.activity.Add(api.Event{Time: ev.Time, Type: api.EventFolderState, Folder: ev.Folder, State: ev.State})
		}
	}
}

// peerWatch knows which peers are connected and have accepted this device: they
// have told which folders they share with it.
type peerWatch struct {
	mu        sync.Mutex
	connected map[string]bool
	accepted  map[string]bool
	waiting   map[string][]chan struct{}
	refused   map[string]int // connections in a row that ended before they were accepted
}

// maxRefused is how many connections may end before they were accepted until it
// counts that the peer does not want them.
const maxRefused = 3

// refuses reports whether a peer ends every connection at once.
func (p *peerWatch) refuses(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.accepted[id] && p.refused[id] >= maxRefused
}

// connect reports whether the peer was not connected before.
func (p *peerWatch) connect(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.connected == nil {
		p.connected, p.accepted = map[string]bool{}, map[string]bool{}
	}
	was := p.connected[id]
	p.connected[id] = true
	return !was
}

// disconnect reports whether the peer has refused this device before.
func (p *peerWatch) disconnect(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.refused[id] >= maxRefused
	if p.connected[id] && !p.accepted[id] {
		if p.refused == nil {
			p.refused = map[string]int{}
		}
		p.refused[id]++
	}
	delete(p.connected, id)
	delete(p.accepted, id)
	return before
}

func (p *peerWatch) accept(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.accepted == nil {
		p.connected, p.accepted = map[string]bool{}, map[string]bool{}
	}
	p.accepted[id] = true
	delete(p.refused, id)
	for _, c := range p.waiting[id] {
		close(c)
	}
	delete(p.waiting, id)
}

func (p *peerWatch) isAccepted(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted[id]
}

// await returns nil once the peer is connected and has accepted this device.
func (p *peerWatch) await(ctx context.Context, id string) error {
	p.mu.Lock()
	if p.accepted[id] {
		p.mu.Unlock()
		return nil
	}
	c := make(chan struct{})
	p.waiting[id] = append(p.waiting[id], c)
	p.mu.Unlock()
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err() // the channel stays behind until the peer comes or the daemon ends
	}
}
