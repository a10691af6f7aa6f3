package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/ignores"
)

// answering is a connection to a peer that answers requests.
type answeringConn struct {
	protocol.Connection
	answer func(*protocol.Request) ([]byte, error)

	mu    sync.Mutex
	asked []string
}

func (c *answeringConn) DeviceID() protocol.DeviceID { return highID }
func (c *answeringConn) Closed() <-chan struct{}     { return nil }
func (c *answeringConn) Request(_ context.Context, req *protocol.Request) ([]byte, error) {
	c.mu.Lock()
	c.asked = append(c.asked, req.Name)
	c.mu.Unlock()
	return c.answer(req)
}

func (c *answeringConn) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked)
}

// hereIndex is an index of this device.
type hereIndex struct {
	changesOf
	here map[string]protocol.FileInfo
}

func (i *hereIndex) GetDeviceFile(_ string, _ protocol.DeviceID, name string) (protocol.FileInfo, bool, error) {
	f, ok := i.here[name]
	return f, ok, nil
}

func smallFile(name, content string, version uint64) protocol.FileInfo {
	sum := bytes.Repeat([]byte(content[:1]), 32)
	return protocol.FileInfo{Name: name, Size: int64(len(content)), Blocks: []protocol.BlockInfo{{Size: len(content), Hash: sum}},
		Version: protocol.Vector{Counters: []protocol.Counter{{ID: 1, Value: version}}}}
}

func requestFor(f protocol.FileInfo) *protocol.Request {
	return &protocol.Request{Folder: testFolder, Name: f.Name, Size: f.Blocks[0].Size, Hash: f.Blocks[0].Hash}
}

type earlyTest struct {
	*earlyRequests
	conn   *answeringConn
	folder config.FolderConfiguration
	wait   func() // until all that was begun has ended
}

func newEarlyTest(t *testing.T, here ...protocol.FileInfo) *earlyTest {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	index := &hereIndex{here: map[string]protocol.FileInfo{}}
	for _, f := range here {
		index.here[f.Name] = f
	}
	e := &earlyTest{conn: &answeringConn{answer: func(req *protocol.Request) ([]byte, error) { return make([]byte, req.Size), nil }},
		folder: config.FolderConfiguration{ID: testFolder, Devices: []config.FolderDeviceConfiguration{{DeviceID: highID}}},
		wait:   func() { cancel(); all.Wait() }}
	e.earlyRequests = newEarlyRequests(index, func(do func(context.Context)) { all.Go(func() { do(ctx) }) })
	t.Cleanup(e.wait)
	return e
}

// What was asked for early is used once, for that very content.
func TestEarlyRequestsAreUsed(t *testing.T) {
	t.Parallel()
	e, f := newEarlyTest(t), smallFile("a", "contents", 1)
	e.ask(e.conn, e.folder, []protocol.FileInfo{f})
	other := requestFor(smallFile("a", "another", 2))
	if _, ok := e.take(t.Context(), other); ok {
		t.Error("another content was not asked for")
	}
	if data, ok := e.take(t.Context(), requestFor(f)); !ok || len(data) != len("contents") {
		t.Errorf("%q, %v", data, ok)
	}
	if _, ok := e.take(t.Context(), requestFor(f)); ok {
		t.Error("it was taken already")
	}
	// Another peer tells of it, before it is in the index here.
	e.ask(e.conn, e.folder, []protocol.FileInfo{f})
	if e.wait(); e.conn.count() != 1 {
		t.Errorf("it was asked for %d times", e.conn.count())
	}
}

// What is taken is waited for as long as whoever wants it does.
func TestEarlyRequestsThatTakeLong(t *testing.T) {
	t.Parallel()
	e, f := newEarlyTest(t), smallFile("a", "contents", 1)
	e.conn.answer = func(req *protocol.Request) ([]byte, error) {
		time.Sleep(earlyKept + earlyKept/2) // a slow link is what this is about
		return make([]byte, req.Size), nil
	}
	e.ask(e.conn, e.folder, []protocol.FileInfo{f})
	if _, ok := e.take(t.Context(), requestFor(f)); !ok || e.conn.count() != 1 {
		t.Errorf("%v, asked %d times", ok, e.conn.count())
	}
}

// What is ignored here is not asked for.
func TestEarlyRequestsOfWhatIsIgnored(t *testing.T) {
	t.Parallel()
	e := newEarlyTest(t)
	e.folder.Path = t.TempDir()
	i := &ignoring{}
	i.seen.Store(ignores.New(nil, nil))
	ignorings.Store(e.folder.Path, i)
	t.Cleanup(func() { ignorings.Delete(e.folder.Path) })
	e.ask(e.conn, e.folder, []protocol.FileInfo{smallFile("node_modules/a", "contents", 1), smallFile("a", "contents", 1)})
	if _, ok := e.take(t.Context(), requestFor(smallFile("a", "contents", 1))); !ok || e.conn.count() != 1 {
		t.Errorf("%v, asked for %q", ok, e.conn.asked)
	}
}

// What the peer does not give is asked for as ever.
func TestEarlyRequestsThatFail(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(*protocol.Request) ([]byte, error){
		"an error":          func(*protocol.Request) ([]byte, error) { return nil, errors.New("no such file") },
		"of another length": func(*protocol.Request) ([]byte, error) { return []byte("x"), nil },
	} {
		e, f := newEarlyTest(t), smallFile("a", "contents", 1)
		e.conn.answer = answer
		e.ask(e.conn, e.folder, []protocol.FileInfo{f})
		if data, ok := e.take(t.Context(), requestFor(f)); ok {
			t.Errorf("%s: %q", name, data)
		}
	}
}

// Only what is not here is asked for, of a message that tells of little, and nothing by
// who does not receive the folder.
func TestEarlyRequestsAreFew(t *testing.T) {
	t.Parallel()
	here := smallFile("here", "contents", 3)
	large := smallFile("large", "contents", 1)
	large.Blocks = append(large.Blocks, large.Blocks[0])
	deleted := smallFile("deleted", "contents", 1)
	deleted.Deleted = true
	directory := protocol.FileInfo{Name: "directory", Type: protocol.FileInfoTypeDirectory}
	huge := smallFile("huge", "contents", 1)
	huge.Size, huge.Blocks[0].Size = 1<<30, 1<<30
	var many []protocol.FileInfo
	for i := range earlyFiles + 1 {
		many = append(many, smallFile(fmt.Sprint(i), "contents", 1))
	}
	for name, test := range map[string]struct {
		files  []protocol.FileInfo
		change func(*config.FolderConfiguration)
	}{
		"it is here":       {files: []protocol.FileInfo{here}},
		"a newer one is":   {files: []protocol.FileInfo{smallFile("here", "different", 2)}},
		"the contents are": {files: []protocol.FileInfo{smallFile("here", "contents", 4)}},
		"no small files":   {files: []protocol.FileInfo{large, directory, huge}},
		"it is renamed":    {files: []protocol.FileInfo{smallFile("new name", "different", 1), deleted}},
		"many":             {files: many},
		"send only":        {many[:1], func(f *config.FolderConfiguration) { f.Type = config.FolderTypeSendOnly }},
		"paused":           {many[:1], func(f *config.FolderConfiguration) { f.Paused = true }},
		"not shared":       {many[:1], func(f *config.FolderConfiguration) { f.Devices = nil }},
	} {
		e := newEarlyTest(t, here)
		if test.change != nil {
			test.change(&e.folder)
		}
		e.ask(e.conn, e.folder, test.files)
		for _, f := range test.files {
			if len(f.Blocks) == 1 {
				if _, ok := e.take(t.Context(), requestFor(f)); ok {
					t.Errorf("%s: %s is given", name, f.Name)
				}
			}
		}
		if e.wait(); e.conn.count() != 0 {
			t.Errorf("%s: asked for %q", name, e.conn.asked)
		}
	}
}

// A peer that tells of more and more has no more than so many held for it, and for a
// moment only.
func TestEarlyRequestsAreBounded(t *testing.T) {
	t.Parallel()
	e := newEarlyTest(t)
	for i := range 10 * earlyMax {
		e.ask(e.conn, e.folder, []protocol.FileInfo{smallFile(fmt.Sprint(i), "contents", 1)})
	}
	held := func() int {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.asked)
	}
	if n := held(); n > earlyMax {
		t.Errorf("%d are held", n)
	}
	for end := time.Now().Add(10 * earlyKept); held() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d are still held", held())
		}
	}
	if n := e.conn.count(); n != earlyMax {
		t.Errorf("asked for %d", n)
	}
}
