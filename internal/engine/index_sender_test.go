package engine

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/protocol"
	"pgregory.net/rapid"
)

const testFolder = "folder"

// heard is a connection that checks what a peer checks: that the index comes by
// sequence, without gaps.
type heard struct {
	protocol.Connection
	t    interface{ Fatalf(string, ...any) }
	peer protocol.DeviceID
	last int64
	said []protocol.FileInfo
}

func (h *heard) DeviceID() protocol.DeviceID { return h.peer }

func (h *heard) Index(_ context.Context, msg *protocol.Index) error {
	h.said, h.last = nil, 0
	return h.take(0, msg.LastSequence, msg.Files)
}

func (h *heard) IndexUpdate(_ context.Context, msg *protocol.IndexUpdate) error {
	return h.take(msg.PrevSequence, msg.LastSequence, msg.Files)
}

func (h *heard) take(prev, last int64, files []protocol.FileInfo) error {
	if prev != h.last || len(files) == 0 || files[len(files)-1].Sequence != last {
		h.t.Fatalf("after %d came a message from %d to %d with %d files", h.last, prev, last, len(files))
	}
	for _, f := range files {
		if f.Sequence <= h.last {
			h.t.Fatalf("%d came after %d", f.Sequence, h.last)
		}
		h.last = f.Sequence
		h.said = append(h.said, f)
	}
	return nil
}

// changesOf is an index in which every change takes the next sequence, and the
// last one of its file away, as in Syncthing's.
type changesOf struct{ files []protocol.FileInfo }

func (c *changesOf) change(name string) {
	sequence := int64(1)
	if n := len(c.files); n > 0 {
		sequence = c.files[n-1].Sequence + 1
	}
	c.files = slices.DeleteFunc(c.files, func(f protocol.FileInfo) bool { return f.Name == name })
	c.files = append(c.files, protocol.FileInfo{Name: name, Sequence: sequence})
}

func (c *changesOf) AllLocalFilesBySequence(_ string, _ protocol.DeviceID, start int64, limit int) (iter.Seq[protocol.FileInfo], func() error) {
	var out []protocol.FileInfo
	for _, f := range c.files {
		if f.Sequence >= start && len(out) < limit {
			out = append(out, f)
		}
	}
	return slices.Values(out), func() error { return nil }
}

func (c *changesOf) GetDeviceFile(string, protocol.DeviceID, string) (protocol.FileInfo, bool, error) {
	return protocol.FileInfo{}, false, nil
}

func (c *changesOf) GetGlobalFile(string, string) (protocol.FileInfo, bool, error) {
	return protocol.FileInfo{}, false, nil
}

func testConfig(t interface{ Fatal(...any) }, peer protocol.DeviceID) config.Wrapper {
	cfg, err := configuration(protocol.LocalDeviceID, 22000, Settings{
		Peers:   []Peer{{ID: peer.String()}},
		Folders: []Folder{{ID: testFolder, Name: "shared", Path: "/nowhere"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return config.Wrap("/nowhere", cfg, protocol.LocalDeviceID, events.NoopLogger)
}

// However the handler and the sender take turns, the peer hears of each change,
// and its checks hold; also when a new handler begins where the peer says it is.
func TestIndexSender(t *testing.T) {
	t.Parallel()
	peer := protocol.NewDeviceID([]byte("peer"))
	cfg := testConfig(t, peer)
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		conn := &heard{t: t, peer: peer}
		index := &changesOf{}
		s := newIndexSender(conn, cfg, index)
		var handler int64 // how far Syncthing's handler has come
		handle := func(whole bool) {
			all, _ := index.AllLocalFilesBySequence(testFolder, protocol.LocalDeviceID, handler+1, 3)
			files := slices.Collect(all)
			if len(files) == 0 {
				return
			}
			last := files[len(files)-1].Sequence
			var err error
			if whole {
				err = s.Index(ctx, &protocol.Index{Folder: testFolder, Files: files, LastSequence: last})
			} else {
				err = s.IndexUpdate(ctx, &protocol.IndexUpdate{Folder: testFolder, Files: files, PrevSequence: handler, LastSequence: last})
			}
			if err != nil {
				t.Fatal(err)
			}
			handler = last
		}
		t.Repeat(map[string]func(*rapid.T){
			"change":       func(t *rapid.T) { index.change(rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name")) },
			"handler":      func(*rapid.T) { handle(handler == 0) },
			"from scratch": func(*rapid.T) { handler = 0; handle(true) },
			"new handler":  func(*rapid.T) { s.restart(); handler = conn.last; handle(handler == 0) },
			"forgotten": func(*rapid.T) {
				s.restart()
				handler = rapid.Int64Range(0, conn.last).Draw(t, "known")
				conn.last = handler
			},
			"send": func(*rapid.T) {
				if _, err := s.send(ctx, testFolder); err != nil {
					t.Fatal(err)
				}
			},
			"later": func(*rapid.T) {
				if f := s.folders[testFolder]; f != nil {
					f.behind = time.Time{}
				}
			},
		})
		for range index.files {
			handle(handler == 0)
		}
		for _, f := range index.files {
			if !slices.ContainsFunc(conn.said, func(s protocol.FileInfo) bool { return s.Sequence == f.Sequence }) {
				t.Fatalf("the peer was not told of %s at %d", f.Name, f.Sequence)
			}
		}
	})
}

// While the handler waits, the sender sends what it may, and only that.
func TestIndexSenderSends(t *testing.T) {
	t.Parallel()
	peer, stranger := protocol.NewDeviceID([]byte("peer")), protocol.NewDeviceID([]byte("stranger"))
	for what, test := range map[string]struct {
		peer    protocol.DeviceID
		folder  string
		changes int
		begun   bool
		want    bool
	}{
		"a change":             {peer, testFolder, 1, true, true},
		"nothing":              {peer, testFolder, 0, true, false},
		"before the handler":   {peer, testFolder, 1, false, false},
		"too much":             {peer, testFolder, 1000, true, false},
		"to a stranger":        {stranger, testFolder, 1, true, false},
		"of an unknown folder": {peer, "another", 1, true, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			conn := &heard{t: t, peer: test.peer}
			index := &changesOf{}
			s := newIndexSender(conn, testConfig(t, peer), index)
			if test.begun {
				first := &protocol.Index{Folder: test.folder, LastSequence: 1, Files: []protocol.FileInfo{{Sequence: 1}}}
				if err := s.Index(t.Context(), first); err != nil {
					t.Fatal(err)
				}
			}
			index.files = []protocol.FileInfo{{Name: "first", Sequence: 1}}
			for i := range test.changes {
				index.change(string(rune('a' + i)))
			}
			if sent, err := s.send(t.Context(), test.folder); err != nil || sent != test.want {
				t.Errorf("%v, %v", sent, err)
			}
		})
	}
}

// The second message after a pause is sent at once, and the more follow the longer
// they wait.
func TestPace(t *testing.T) {
	t.Parallel()
	var p pace
	now := time.Now()
	send := func(pause time.Duration) time.Duration {
		now = now.Add(pause)
		wait := max(0, p.wait(now))
		now = now.Add(wait)
		p.sent(now)
		return wait
	}
	for i, step := range []struct{ pause, want time.Duration }{
		{0, 0}, {0, 0}, {0, 10}, {0, 20}, {5, 35}, {0, 80}, {0, 160}, {0, 160},
		{171, 0}, {0, 0}, {9, 1}, {0, 20}, {51, 0}, {0, 0},
	} {
		if got := send(step.pause * time.Millisecond); got != step.want*time.Millisecond {
			t.Errorf("message %d waits for %v, want %d ms", i, got, step.want)
		}
	}
}
