package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// handlerPause is a little more than the time for which Syncthing's index handler
// waits after each message. After that it is as fast as an indexSender.
const handlerPause = 300 * time.Millisecond

// The least time between two index messages that an indexSender sends by itself.
// Each costs the peer a transaction and a look at what it needs: with hundreds of
// changes a second, that would be most of what it does. So the time doubles as
// long as changes come without a pause.
const (
	indexGap    = 10 * time.Millisecond
	indexGapMax = 160 * time.Millisecond
)

// indexSender is a connection that tells the peer at once what changed here.
//
// Syncthing's own index handler waits for 250 ms after each message
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
}

// sentIndex is how far the peer was told of a folder's index.
type sentIndex struct {
	lock    chan struct{} // holds an element while a message is made and sent
	begun   bool
	handler int64     // the last sequence that the handler sent
	waiting time.Time // until when the handler sends nothing, about
	sent    int64     // the last that was sent at all
}

func newIndexSender(conn protocol.Connection, cfg config.Wrapper, index senderIndex) *indexSender {
	return &indexSender{Connection: conn, cfg: cfg, index: index,
		folders: map[string]*sentIndex{}, changed: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// begin returns the folder's state once no message of it is under way. The caller
// must call end.
func (c *indexSender) begin(ctx context.Context, folder string) (*sentIndex, error) {
	c.mu.Lock()
	s := c.folders[folder]
	if s == nil {
		s = &sentIndex{lock: make(chan struct{}, 1)}
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
	last := msg.LastSequence // the message must not be used after it was sent
	if err := tellBases(c.index, msg.Folder, msg.Files); err != nil {
		return err
	}
	if err := c.Connection.Index(ctx, msg); err != nil {
		return err
	}
	s.begun, s.handler, s.sent = true, last, last
	s.waiting = time.Now().Add(handlerPause)
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
	last := msg.LastSequence
	if s.begun && msg.PrevSequence >= s.handler && msg.PrevSequence <= s.sent {
		s.handler = last
		for len(msg.Files) > 0 && msg.Files[0].Sequence <= s.sent {
			msg.Files = msg.Files[1:]
		}
		if len(msg.Files) == 0 {
			s.waiting = time.Now().Add(handlerPause)
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
	s.begun, s.handler, s.sent = true, last, last
	s.waiting = time.Now().Add(handlerPause)
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
	gap := indexGap
	for {
		select {
		case <-c.wake:
			gap = min(2*gap, indexGapMax)
		default:
			gap = indexGap
			select {
			case <-ctx.Done():
				return
			case <-c.Closed():
				return
			case <-c.wake:
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
		if !sent {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-c.Closed():
			return
		case <-time.After(gap):
		}
	}
}

// send tells the peer what it was not told, and returns whether there was
// anything. Where that is too much for one message, where there has been no
// message yet, where the handler does not wait, or where the folder is not for the
// peer, it is left to the handler.
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
	if time.Now().After(s.waiting) {
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

// note has peers told of what Syncthing says has changed here.
func (ss *indexSenders) note(ev events.Event) {
	data, ok := ev.Data.(map[string]any)
	if !ok || ev.Type != events.LocalIndexUpdated {
		return
	}
	folder, _ := data["folder"].(string)
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, c := range ss.all {
		c.note(folder)
	}
}
