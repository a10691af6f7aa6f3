package engine

import (
	"context"
	"log/slog"
	"time"
)

// seekDelay is how long a peer whose addresses are known is dialled at those
// alone. Syncthing asks its discovery servers before it dials anything, and waits
// up to 30 seconds for each that does not answer: on a network without internet
// two devices beside each other would wait for that. And a server that was asked
// before the peer has announced itself is not asked again for many minutes.
const seekDelay = 10 * time.Second

// seek looks for every peer through discovery as well, once it has been known
// for seekDelay, until ctx ends.
func (e *Engine) seek(ctx context.Context) {
	timer := time.NewTimer(seekDelay)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.newPeers:
			timer.Reset(seekDelay)
			continue
		case <-timer.C:
		}
		e.applying.Lock()
		for _, p := range e.applied.Peers {
			e.sought[p.ID] = true
		}
		err := e.configure(e.applied)
		e.applying.Unlock()
		if err != nil && ctx.Err() == nil {
			slog.Error("Peers are not looked for", "error", err)
		}
	}
}

// isSought must be called with applying held.
func (e *Engine) isSought(id string) bool { return e.sought[id] }
