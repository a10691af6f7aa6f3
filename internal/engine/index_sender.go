package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// handlerPause is a little more than the time for which Syncthing's index handler
// waits after each message.
const handlerPause = 300 * time.Millisecond

// The least time between two index messages that an indexSender sends by itself,
// but for the second after a pause: a directory, and what is in it. Each costs the
// peer a transaction and a look at what it needs: with hundreds of changes a
// second, that would be most of what it does. So the time doubles as long as
// changes come without a pause.
const (
	indexGap    = 10 * time.Millisecond
	indexGapMax = 160 * time.Millisecond
)

// indexSender is a connection that tells the peer at once what changed here.
//
// Syncthing's own index handler hears of a change some milliseconds after it was
// written to the index, and waits for 250 ms after each message
// (model.indexHandler.Serve), so that of two files that an agent writes one after
// the other, the second arrives a quarter of a second later. It goes on as ever;
// what it sends is cut by what was sent already. The stream that the peer gets is
// the same as without: each change once, by sequence, without gaps.
type indexSender struct {
	protocol.Connection
	cfg   config.Wrapper
	index senderIndex

	mu      sync.Mutex
	folders map[string]*sentIndex
	changed map[string]bool
	wake    chan struct{}
	round   atomic.Int64 // how often the peer has said what it has

	early *earlyRequests // nil for none

	introduced func(protocol.Connection) // told of a ClusterConfig that was sent, other than of a secondary connection; may be nil
}

// sentIndex is how far the peer was told of a folder's index.
type sentIndex struct {
	lock    chan struct{} // holds an element while a message is made and sent
	round   int64         // of the connection, when the handler sent something; -1 before
	handler int64         // the last sequence that the handler sent
	behind  time.Time     // until when it is left to the handler, which has much to send
	sent    int64         // the last that was sent at all
}

func newIndexSender(conn protocol.Connection, cfg config.Wrapper, index senderIndex) *indexSender {
	return &indexSender{Connection: conn, cfg: cfg, index: index,
		folders: map[string]*sentIndex{}, changed: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// ClusterConfig is called whenever the peer is told what is shared with it.
func (c *indexSender) ClusterConfig(msg *protocol.ClusterConfig, passwords map[string]string) {
	c.Connection.ClusterConfig(msg, passwords)
	if msg.Secondary || c.introduced == nil {
		return
	}
	select {
	case <-c.Closed(): // it may not have been sent
	default:
		c.introduced(c)
	}
}

// Request asks the peer for a block, unless it was asked early.
func (c *indexSender) Request(ctx context.Context, req *protocol.Request) ([]byte, error) {
	if c.early != nil {
		if data, ok := c.early.take(ctx, req); ok {
			return data, nil
		}
	}
	return c.Connection.Request(ctx, req)
}

// begin returns the folder's state once no message of it is under way. The caller
// must call end.
func (c *indexSender) begin(ctx context.Context, folder string) (*sentIndex, error) {
	c.mu.Lock()
	s := c.folders[folder]
	if s == nil {
		s = &sentIndex{lock: make(chan struct{}, 1), round: -1}
		c.folders[folder] = s
	}
	c.mu.Unlock()
	select {
	case s.lock <- struct{}{}:
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *sentIndex) end() { <-s.lock }

// Index is called by the handler when the peer knows nothing.
func (c *indexSender) Index(ctx context.Context, msg *protocol.Index) error {
	s, err := c.begin(ctx, msg.Folder)
	if err != nil {
		return err
	}
	defer s.end()
	round := c.round.Load()
	last := msg.LastSequence // the message must not be used after it was sent
	if err := tellBases(c.index, msg.Folder, msg.Files); err != nil {
		return err
	}
	if err := c.Connection.Index(ctx, msg); err != nil {
		return err
	}
	s.round, s.handler, s.sent = round, last, last
	return nil
}

// IndexUpdate is called by the handler. One that begins before the last one ended
// is a new one, of a peer that has forgotten what it was told.
func (c *indexSender) IndexUpdate(ctx context.Context, msg *protocol.IndexUpdate) error {
	s, err := c.begin(ctx, msg.Folder)
	if err != nil {
		return err
	}
	defer s.end()
	round := c.round.Load()
	last := msg.LastSequence
	if c.begun(s) && msg.PrevSequence >= s.handler && msg.PrevSequence <= s.sent {
		s.handler = last
		for len(msg.Files) > 0 && msg.Files[0].Sequence <= s.sent {
			msg.Files = msg.Files[1:]
		}
		if len(msg.Files) == 0 {
			return nil
		}
		msg.PrevSequence = s.sent
	}
	if err := tellBases(c.index, msg.Folder, msg.Files); err != nil {
		return err
	}
	if err := c.Connection.IndexUpdate(ctx, msg); err != nil {
		return err
	}
	s.round, s.handler, s.sent = round, last, last
	return nil
}

// note has what changed in a folder sent.
func (c *indexSender) note(folder string) {
	c.mu.Lock()
	c.changed[folder] = true
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run sends what was noted until ctx ends or the connection is closed.
func (c *indexSender) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var p pace
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.Closed():
			return
		case <-c.wake:
		}
		if wait := p.wait(time.Now()); wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-c.Closed():
				return
			case <-time.After(wait):
			}
		}
		c.mu.Lock()
		changed := c.changed
		c.changed = map[string]bool{}
		c.mu.Unlock()
		sent := false
		for folder := range changed {
			ok, err := c.send(ctx, folder)
			if err != nil && ctx.Err() == nil {
				slog.Debug("The index handler has to send what changed", "folder", folder, "error", err)
			}
			sent = sent || ok
		}
		if sent {
			p.sent(time.Now())
		}
	}
}

// pace says when the next message may be sent.
type pace struct {
	last time.Time
	gap  time.Duration
}

// wait returns how long to wait with the next message.
func (p *pace) wait(now time.Time) time.Duration { return p.last.Add(p.gap).Sub(now) }

// sent says that a message was sent.
func (p *pace) sent(now time.Time) {
	if now.Sub(p.last) > p.gap+indexGap {
		p.gap = 0
	} else {
		p.gap = min(max(2*p.gap, indexGap), indexGapMax)
	}
	p.last = now
}

// restart leaves it to the handlers to begin: the peer has said anew which folders
// it has, and how far it knows them.
func (c *indexSender) restart() { c.round.Add(1) }

// begun reports whether the handler has sent something since the last restart.
func (c *indexSender) begun(s *sentIndex) bool { return s.round == c.round.Load() }

// send tells the peer what it was not told, and returns whether there was
// anything. Where that is too much for one message, where there has been no
// message yet, or where the folder is not for the peer, it is left to the handler.
func (c *indexSender) send(ctx context.Context, folder string) (bool, error) {
	f, ok := c.cfg.Folder(folder)
	if !ok || f.Paused || !f.SharedWith(c.DeviceID()) || f.Type == config.FolderTypeReceiveEncrypted {
		return false, nil
	}
	s, err := c.begin(ctx, folder)
	if err != nil {
		return false, err
	}
	defer s.end()
	if !c.begun(s) || time.Now().Before(s.behind) {
		return false, nil
	}
	batch := model.NewFileInfoBatch(nil)
	var files []protocol.FileInfo
	batch.SetFlushFunc(func(infos []protocol.FileInfo) error {
		files = infos
		return nil
	})
	all, failed := c.index.AllLocalFilesBySequence(folder, protocol.LocalDeviceID, s.sent+1, model.MaxBatchSizeFiles)
	last := s.sent
	for info := range all {
		if last >= info.Sequence || batch.Full() {
			s.behind = time.Now().Add(handlerPause)
			return false, nil
		}
		last = info.Sequence
		// What was changed in a folder that only receives must not become the
		// version that others take, as in model.prepareFileInfoForIndex.
		if info.IsReceiveOnlyChanged() {
			info.Version = protocol.Vector{}
		}
		batch.Append(info)
	}
	if err := failed(); err != nil {
		return false, err
	}
	if batch.Full() {
		s.behind = time.Now().Add(handlerPause)
		return false, nil
	}
	if err := batch.Flush(); err != nil || len(files) == 0 {
		return false, err
	}
	if err := tellBases(c.index, folder, files); err != nil {
		return false, err
	}
	err = c.Connection.IndexUpdate(ctx, &protocol.IndexUpdate{Folder: folder, Files: files, PrevSequence: s.sent, LastSequence: last})
	if err != nil {
		return false, err
	}
	s.sent = last
	return true, nil
}

// indexSenders are those of all connections.
type indexSenders struct {
	run func(func(context.Context)) // in a goroutine, until the engine ends
	mu  sync.Mutex
	all map[string]*indexSender // by the ID of the connection
}

func (ss *indexSenders) add(c *indexSender) *indexSender {
	ss.mu.Lock()
	ss.all[c.ConnectionID()] = c
	ss.mu.Unlock()
	ss.run(func(ctx context.Context) {
		c.run(ctx)
		ss.mu.Lock()
		delete(ss.all, c.ConnectionID())
		ss.mu.Unlock()
	})
	return c
}

// of returns the sender of a connection that Syncthing knows by itself.
func (ss *indexSenders) of(conn protocol.Connection) protocol.Connection {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if c := ss.all[conn.ConnectionID()]; c != nil {
		return c
	}
	return conn
}

// note has peers told of what has changed in a folder here.
func (ss *indexSenders) note(folder string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, c := range ss.all {
		c.note(folder)
	}
}

// restart begins anew with what is sent to a peer, on any connection: it may take it
// from another one now.
func (ss *indexSenders) restart(peer protocol.DeviceID) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, c := range ss.all {
		if c.DeviceID() == peer {
			c.restart()
		}
	}
}
