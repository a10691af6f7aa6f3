package relay

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// A peer is one connected host or guest.
//
// Its WebSocket is never given a context that may end: the library would drop the connection without a word.
// Whatever wants to end the peer calls finish, which says why.
type peer struct {
	ws      *websocket.Conn
	left    atomic.Int64 // bytes that the meeting may still carry, both directions
	pingEv  time.Duration
	pingMax time.Duration
	spoke   func()        // called for every piece received, if not nil
	joined  chan struct{} // closed when stream is set
	workers sync.WaitGroup

	once   sync.Once
	mu     sync.Mutex // guards the two below
	ended  bool
	stream Stream
}

func newPeer(ws *websocket.Conn, cfg *Config) *peer {
	p := &peer{ws: ws, pingEv: cfg.PingInterval, pingMax: cfg.PingTimeout, joined: make(chan struct{})}
	p.left.Store(cfg.MaxBytes)
	return p
}

// attach joins the peer with the stream, unless it has ended already.
func (p *peer) attach(stream Stream) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	p.stream = stream
	close(p.joined)
	return true
}

// carry copies from the stream it is attached to until either side ends, ctx ends, or a limit is reached. The
// other direction is receive's.
func (p *peer) carry(ctx context.Context, cfg *Config) {
	limit := time.AfterFunc(cfg.MaxDuration, func() {
		p.finish(websocket.StatusPolicyViolation, "the meeting took too long")
	})
	defer limit.Stop()
	cut := context.AfterFunc(ctx, func() { p.finish(websocket.StatusGoingAway, "the relay is stopping") })
	defer cut()
	p.send()
}

// receive copies from the peer to the stream. It ends with the peer.
func (p *peer) receive() error {
	buf := make([]byte, 8<<10)
	for {
		typ, r, err := p.ws.Reader(context.Background())
		switch {
		case err != nil:
			p.finish(websocket.StatusNormalClosure, "")
			return err
		case typ != websocket.MessageBinary:
			p.finish(websocket.StatusUnsupportedData, "only binary messages are possible here")
			return errMisbehaved
		}
		select {
		case <-p.joined:
		default:
			p.finish(websocket.StatusPolicyViolation, "the guest speaks first")
			return errMisbehaved
		}
		for err == nil {
			var n int
			n, err = r.Read(buf)
			if n == 0 {
				continue
			}
			if p.spoke != nil {
				p.spoke()
			}
			if p.left.Add(-int64(n)) < 0 {
				p.finish(websocket.StatusPolicyViolation, "the meeting carried too many bytes")
				return errMisbehaved
			}
			if _, err := p.stream.Write(buf[:n]); err != nil {
				// The other side has gone. What it said before is still on its way through send,
				// which ends the peer when it is through.
				return nil
			}
		}
		if err != io.EOF {
			p.finish(websocket.StatusNormalClosure, "")
			return err
		}
	}
}

// send copies from the stream to the peer until the stream ends, and with it the peer.
func (p *peer) send() {
	buf := make([]byte, 8<<10)
	for {
		n, err := p.stream.Read(buf)
		if err != nil {
			p.finish(websocket.StatusNormalClosure, "")
			return
		}
		if p.left.Add(-int64(n)) < 0 {
			p.finish(websocket.StatusPolicyViolation, "the meeting carried too many bytes")
			return
		}
		if err := p.ws.Write(context.Background(), websocket.MessageBinary, buf[:n]); err != nil {
			p.finish(websocket.StatusGoingAway, "")
			return
		}
	}
}

// keepAlive pings the peer until ctx ends, and drops it when it does not answer: a host whose network has
// gone must not hold its label for the rest of the ten minutes.
func (p *peer) keepAlive(ctx context.Context) {
	tick := time.NewTicker(p.pingEv)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		timeout, cancel := context.WithTimeout(context.Background(), p.pingMax)
		err := p.ws.Ping(timeout)
		cancel()
		if err != nil && ctx.Err() == nil {
			p.ws.CloseNow() // receive notices
			return
		}
	}
}

// finish ends the peer and its stream. The first call decides what the peer is told; all return when it is over,
// which takes some seconds if the peer does not answer.
func (p *peer) finish(code websocket.StatusCode, reason string) {
	p.once.Do(func() {
		p.mu.Lock()
		p.ended = true
		stream := p.stream
		p.mu.Unlock()
		if stream != nil {
			stream.Close()
		}
		p.ws.Close(code, reason)
	})
}

// wait ends the peer, if it has not ended, and waits until nothing of it runs any more.
func (p *peer) wait() {
	p.finish(websocket.StatusNormalClosure, "")
	p.workers.Wait()
}

var errMisbehaved = errors.New("the peer broke the rules")
