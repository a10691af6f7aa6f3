package engine

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
)

const (
	// earlyFiles is how many files a message may tell of that are asked for early: with
	// more, there is enough to do until their turn comes.
	earlyFiles = 4
	// earlyMax is how many answers may be held that nobody has asked for yet, and
	// earlyKept for how long. It is also how long a file is not asked for again that
	// another peer tells of: it has just been asked for.
	earlyMax  = 16
	earlyKept = 2 * time.Second
	// earlyKnown bounds how many files it is remembered of that they were asked for.
	earlyKnown = 1000
)

// earlyRequests asks a peer for the contents of small files in the moment in which it
// tells of them, while what it told is written to the index and chosen to be pulled:
// when Syncthing asks for them, they are here. Files of more than one block gain little
// by that. Whether the contents are the right ones is checked by Syncthing, as ever.
type earlyRequests struct {
	index senderIndex
	run   func(func(context.Context)) // in a goroutine, until the engine ends

	mu    sync.Mutex
	asked map[earlyKey]*earlyAnswer
	held  int // of them, that nobody has taken
}

type earlyKey struct{ folder, name, hash string }

type earlyAnswer struct {
	cancel context.CancelFunc
	taken  bool
	over   chan struct{} // there is an answer
	data   []byte
	err    error
}

func newEarlyRequests(index senderIndex, run func(func(context.Context))) *earlyRequests {
	return &earlyRequests{index: index, run: run, asked: map[earlyKey]*earlyAnswer{}}
}

// errNotAsked says that there was nothing to ask for.
var errNotAsked = errors.New("it is here already")

// ask asks for what a message tells of, unless that is here already, or is moved here
// from another name.
func (r *earlyRequests) ask(conn protocol.Connection, f config.FolderConfiguration, files []protocol.FileInfo) {
	if len(files) > earlyFiles || f.Paused || f.Type == config.FolderTypeSendOnly || !f.SharedWith(conn.DeviceID()) ||
		slices.ContainsFunc(files, func(file protocol.FileInfo) bool { return file.IsDeleted() }) {
		return
	}
	ignored := ignoringOf(filepath.Clean(f.Path))
	for _, file := range files {
		if file.Type != protocol.FileInfoTypeFile || file.IsInvalid() || len(file.Blocks) != 1 {
			continue
		}
		block := file.Blocks[0]
		if block.Offset != 0 || block.Size <= 0 || block.Size > protocol.MinBlockSize || int64(block.Size) != file.Size {
			continue
		}
		if ignored != nil && ignored.seen.Load().Match(filepath.ToSlash(file.Name)).Ignored {
			continue
		}
		req := &protocol.Request{Folder: f.ID, Name: file.Name, Size: block.Size, Hash: block.Hash}
		if !r.begin(conn, req, file.Version.Copy()) {
			return
		}
	}
}

// begin asks for one file, and reports whether there is room for more.
func (r *earlyRequests) begin(conn protocol.Connection, req *protocol.Request, version protocol.Vector) bool {
	key := earlyKey{req.Folder, req.Name, string(req.Hash)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked[key] != nil {
		return true
	}
	if r.held >= earlyMax || len(r.asked) >= earlyKnown {
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &earlyAnswer{cancel: cancel, over: make(chan struct{})}
	r.asked[key] = a
	r.held++
	r.run(func(engine context.Context) {
		defer context.AfterFunc(engine, cancel)()
		defer cancel()
		time.AfterFunc(earlyKept, func() { r.forget(key, a) })
		a.data, a.err = r.get(ctx, conn, req, version)
		if len(a.data) != req.Size {
			a.data = nil // a peer may send what it likes
		}
		close(a.over)
		if a.err != nil {
			r.forget(key, a)
		}
		<-ctx.Done() // it was taken, or forgotten
	})
	return true
}

func (r *earlyRequests) get(ctx context.Context, conn protocol.Connection, req *protocol.Request, version protocol.Vector) ([]byte, error) {
	here, ok, err := r.index.GetDeviceFile(req.Folder, protocol.LocalDeviceID, req.Name)
	if err != nil {
		return nil, err
	}
	if ok && (here.Version.GreaterEqual(version) || len(here.Blocks) == 1 && string(here.Blocks[0].Hash) == string(req.Hash)) {
		return nil, errNotAsked
	}
	return conn.Request(ctx, req)
}

// forget has a file be asked for again, and ends what nobody has taken.
func (r *earlyRequests) forget(key earlyKey, a *earlyAnswer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked[key] != a {
		return
	}
	delete(r.asked, key)
	if !a.taken {
		r.held--
		a.cancel()
	}
}

// take returns the answer to a request that was made early, once; false if there was
// none, or it is of no use.
func (r *earlyRequests) take(ctx context.Context, req *protocol.Request) ([]byte, bool) {
	if req.FromTemporary || req.Offset != 0 {
		return nil, false
	}
	r.mu.Lock()
	a := r.asked[earlyKey{req.Folder, req.Name, string(req.Hash)}]
	if a == nil || a.taken {
		r.mu.Unlock()
		return nil, false
	}
	a.taken = true
	r.held--
	r.mu.Unlock()
	defer a.cancel()
	select {
	case <-a.over:
		data := a.data
		a.data = nil
		return data, a.err == nil && len(data) == req.Size
	case <-ctx.Done():
		return nil, false
	}
}
