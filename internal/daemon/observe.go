package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
)

// observe takes an event of the engine. It runs on the engine's own goroutine
// and must not block.
func (d *daemon) observe(ev engine.Event) {
	defer d.bell.ring() // when the rest of it is known
	if ev.Type == engine.PeerConnected || ev.Type == engine.PeerDisconnected {
		defer d.exchange.replies.ring() // who does not answer any more
	}
	switch ev.Type {
	case engine.PeerConnected:
		if d.peers.connect(ev.Peer) {
			d.tellPeer(ev, api.EventPeerConnected, "connected")
		}
	case engine.PeerAccepted:
		if d.peers.accept(ev.Peer) {
			d.tellPeer(ev, api.EventPeerConnected, "connected")
		}
		d.wake() // a pending join may be complete
	case engine.PeerDisconnected:
		if ev.Dismissed {
			d.peers.dismiss(ev.Peer)
		}
		if d.peers.disconnect(ev.Peer) {
			d.tellPeer(ev, api.EventPeerDisconnected, "disconnected")
		}
	case engine.FileReceived, engine.FileChanged:
		if ev.Folder == recordsFolder && network.IsMessage(ev.Path) {
			d.exchange.note()
		} else if ev.Folder == recordsFolder {
			d.wake()
		}
	case engine.IndexUpdated:
		if ev.Peer == "" && ev.Folder != recordsFolder {
			d.recorder.note()
		}
	case engine.FolderBraked:
		d.recorder.note()
	case engine.IgnoresChanged:
		d.activity.Add(api.Event{Time: ev.Time, Type: api.EventIgnoresChanged, Folder: ev.Folder, Files: ev.Ignored, Before: ev.IgnoredBefore})
	case engine.FolderState:
		if ev.Folder == recordsFolder && ev.State == engine.StateError {
			d.wake() // the records may have been removed, all of them
		}
		if ev.Folder != recordsFolder {
			d.activity.Add(api.Event{Time: ev.Time, Type: api.EventFolderState, Folder: ev.Folder, State: ev.State})
		}
	}
}

func (d *daemon) tellPeer(ev engine.Event, event, what string) {
	device := d.members.device(ev.Peer)
	attrs := []any{"peer", device.Name, "device", device.ID}
	if ev.Reason != "" {
		attrs = append(attrs, "reason", ev.Reason)
	}
	d.log.Info(what, attrs...)
	d.activity.Add(api.Event{Time: ev.Time, Type: event, Device: device})
}

// peerWatch knows which peers are connected and have accepted this device: they
// have told which folders they share with it.
type peerWatch struct {
	mu        sync.Mutex
	connected map[string]bool
	accepted  map[string]bool
	told      map[string]bool // that they are connected
	refused   map[string]refusals
	dismissed map[string]bool // by peers that have it no more
	waiting   map[string][]chan struct{}
	lost      map[string]time.Time // when a connection to it ended the last time
}

// comeBack is how long a peer whose connection has just ended, or to which there may be
// one soon after the start, is not taken for away: two devices that dial each other
// replace one connection by another.
const comeBack = 3 * time.Second

// lostLately reports of a peer to which there is no connection whether one has ended just
// now.
func (p *peerWatch) lostLately(id string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.accepted[id] {
		return true // whoever asks has found none: the news of its end is on its way
	}
	at, ok := p.lost[id]
	return ok && p.refused[id].count < maxRefused && now.Sub(at) < comeBack
}

// refusals are connections in a row that ended before they were accepted.
type refusals struct {
	count int
	since time.Time
}

func newPeerWatch() peerWatch {
	return peerWatch{connected: map[string]bool{}, accepted: map[string]bool{}, told: map[string]bool{},
		refused: map[string]refusals{}, dismissed: map[string]bool{}, waiting: map[string][]chan struct{}{}, lost: map[string]time.Time{}}
}

// maxRefused is how many connections in a row may end before they were accepted
// until it counts that the peer does not want them. One or two do when two
// devices dial each other at the same time, or the peer is to hear of this one.
const maxRefused = 3

// refuses reports whether a peer has ended every connection at once, for at least
// the given time.
func (p *peerWatch) refuses(id string, lasting time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.refused[id]
	return !p.accepted[id] && r.count >= maxRefused && time.Since(r.since) >= lasting
}

// turnsAway reports whether a peer that had accepted this device has ended its next
// connection before it did, and none has come since for a moment. The reason that it
// gives, see dismiss, can be overtaken by the end of the connection.
func (p *peerWatch) turnsAway(id string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.refused[id]
	return r.count > 0 && !p.connected[id] && now.Sub(p.lost[id]) >= turnsAwayFor
}

// turnsAwayFor is how long a connection takes that replaces another one, and more.
const turnsAwayFor = 500 * time.Millisecond

// connect notes a connection, and reports whether that has to be told: not if it
// goes on and on with one that refuses this device.
func (p *peerWatch) connect(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connected[id] = true
	if p.told[id] || p.refused[id].count >= maxRefused {
		return false
	}
	p.told[id] = true
	return true
}

// disconnect notes the end of it, and likewise reports whether to tell.
func (p *peerWatch) disconnect(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.connected[id] && !p.accepted[id] {
		r := p.refused[id]
		if r.count++; r.count == 1 {
			r.since = time.Now()
		}
		p.refused[id] = r
	}
	tell := p.told[id]
	p.lost[id] = time.Now()
	delete(p.connected, id)
	delete(p.accepted, id)
	delete(p.told, id)
	return tell
}

// accept notes that the peer has accepted this device. It reports whether it has
// still to be told that it is connected.
func (p *peerWatch) accept(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	tell := p.connected[id] && !p.told[id]
	p.told[id] = p.told[id] || tell
	p.accepted[id] = true
	delete(p.refused, id)
	delete(p.dismissed, id)
	for _, c := range p.waiting[id] {
		close(c)
	}
	delete(p.waiting, id)
	return tell
}

// dismiss notes that a peer has this device no more.
func (p *peerWatch) dismiss(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dismissed[id] = true
}

// isDismissed reports whether a peer has taken this device out since it accepted
// it last.
func (p *peerWatch) isDismissed(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dismissed[id]
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
