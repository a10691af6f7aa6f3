package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
)

const (
	// earlyFiles is how many files a message may tell of that are asked for early: with
	// more, there is enough to do until their turn comes.
	earlyFiles = 4
	// earlyMax is how many files of one peer are asked for early at a time, and
	// earlyKept how long one is kept that nobody asks for.
	earlyMax  = 16
	earlyKept = 2 * time.Second
)

// earlyRequests asks a peer for the contents of small files in the moment in which it
// tells of them, while what it told is written to the index and chosen to be pulled:
// when Syncthing asks for them, they are here. Files of more than one block gain little
// by that.
type earlyRequests struct {
	index senderIndex
	run   func(func(context.Context)) // in a goroutine, until the engine ends

	mu    sync.Mutex
	asked map[earlyKey]*earlyAnswer
}

// errNotAsked says that there was nothing to ask for.
var errNotAsked = errors.New("it is here already")

type earlyKey struct{ folder, name, hash string }

type earlyAnswer struct {
	taken chan struct{} // nobody else will take it
	came  chan struct{}
	data  []byte
	err   error
}

// ask asks for what a message tells of, unless that is here already. What is ignored here
// it asks for in vain.
func (r *earlyRequests) ask(conn protocol.Connection, f config.FolderConfiguration, files []protocol.FileInfo) {
	if len(files) > earlyFiles || f.Paused || f.Type == config.FolderTypeSendOnly || !f.SharedWith(conn.DeviceID()) {
		return
	}
	for _, file := range files {
		if file.Type != protocol.FileInfoTypeFile || file.IsDeleted() || file.IsInvalid() || len(file.Blocks) != 1 {
			continue
		}
		block := file.Blocks[0]
		if block.Offset != 0 || block.Size <= 0 || block.Size > protocol.MinBlockSize || int64(block.Size) != file.Size {
			continue
		}
		key, answer := earlyKey{f.ID, file.Name, string(block.Hash)}, &earlyAnswer{taken: make(chan struct{}), came: make(chan struct{})}
		if !r.add(key, answer) {
			return
		}
		req := &protocol.Request{Folder: f.ID, Name: file.Name, Size: block.Size, Hash: block.Hash}
		version := file.Version.Copy()
		r.run(func(ctx context.Context) {
			defer r.forget(key, answer)
			here, ok, err := r.index.GetDeviceFile(f.ID, protocol.LocalDeviceID, req.Name)
			if err != nil || ok && (here.Version.GreaterEqual(version) || len(here.Blocks) == 1 && string(here.Blocks[0].Hash) == key.hash) {
				r.forget(key, answer)
				answer.err = errNotAsked
				close(answer.came)
				return
			}
			ctx, cancel := context.WithTimeout(ctx, earlyKept)
			defer cancel()
			answer.data, answer.err = conn.Request(ctx, req)
			close(answer.came)
			select {
			case <-answer.taken:
			case <-ctx.Done():
			case <-conn.Closed():
			}
		})
	}
}

func (r *earlyRequests) add(key earlyKey, a *earlyAnswer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked[key] != nil || len(r.asked) >= earlyMax {
		return false
	}
	r.asked[key] = a
	return true
}

func (r *earlyRequests) forget(key earlyKey, a *earlyAnswer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked[key] == a {
		delete(r.asked, key)
	}
}

// take returns the answer to a request that was made early, and forgets it; false if
// there was none, or it is of no use.
func (r *earlyRequests) take(ctx context.Context, req *protocol.Request) ([]byte, bool) {
	if req.FromTemporary || req.Offset != 0 {
		return nil, false
	}
	key := earlyKey{req.Folder, req.Name, string(req.Hash)}
	r.mu.Lock()
	a := r.asked[key]
	delete(r.asked, key)
	r.mu.Unlock()
	if a == nil {
		return nil, false
	}
	close(a.taken)
	select {
	case <-a.came:
		return a.data, a.err == nil && len(a.data) == req.Size
	case <-ctx.Done():
		return nil, false
	}
}
