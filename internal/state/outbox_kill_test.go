package state_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/activity"
	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/notify"
	"github.com/botsync/botsync/internal/state"
)

// gateway honours the Idempotency-Key, is restarted now and then, and asks for
// patience when it feels like it. What it accepted is what an agent was told.
type gateway struct {
	tb   testing.TB
	addr string

	mu     sync.Mutex
	server *http.Server
	ended  chan struct{}     // closed when server listens no more
	moody  bool              // answers as a busy one does
	seen   map[string]string // body by key
	told   []api.NotifyBatch // in the order of acceptance
	again  int               // how often a key came again
	more   chan struct{}

	lean  bool // only counts
	taken int
}

func newGateway(tb testing.TB) *gateway {
	g := &gateway{tb: tb, addr: "127.0.0.1:0", seen: map[string]string{}, more: make(chan struct{}, 1)}
	g.start()
	tb.Cleanup(g.stop)
	return g
}

func (g *gateway) start() {
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.tb.Fatal(err)
	}
	g.addr = l.Addr().String()
	server, ended := &http.Server{Handler: g, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}, make(chan struct{})
	g.server, g.ended = server, ended
	go func() {
		defer close(ended)
		_ = server.Serve(l)
	}()
}

// stop leaves the address free for start: a server that is closed before it
// serves closes its listener only then.
func (g *gateway) stop() {
	_ = g.server.Close()
	<-g.ended
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.taken++; g.lean {
		g.wake()
		_, _ = io.WriteString(w, `{"ok":true}`)
		return
	}
	mood := 99
	if g.moody {
		mood = rand.IntN(40)
	}
	if mood == 0 {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if was, known := g.seen[key]; known {
		g.again++
		if was != string(body) {
			g.tb.Errorf("%s came with other bytes", key)
		}
	} else {
		g.seen[key] = string(body)
		var b api.NotifyBatch
		if err := json.Unmarshal(body, &b); err != nil {
			g.tb.Error(err)
		}
		g.told = append(g.told, b)
	}
	g.wake()
	if mood == 1 { // it has accepted, and nobody learns of it
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return
	}
	_, _ = io.WriteString(w, `{"ok":true,"runId":"x"}`)
}

// run is one life of a daemon, up to when it is killed.
func run(t *testing.T, path string, g *gateway, during func(*activity.Log)) {
	db, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	log, err := activity.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	n, err := notify.New(ctx, notify.Options{
		Store: db, Source: log, Version: "v0", Log: slog.New(slog.DiscardHandler),
		Filter: notify.Filter{Self: "SELF", Folders: []string{"inbox"}},
	}, []api.NotifyTarget{{Name: "w", Kind: api.NotifyWebhook, URL: "http://" + g.addr + "/", Secret: notify.NewSecret()}})
	if err != nil {
		t.Fatal(err)
	}
	during(log)
	// As with a kill nothing more is written from one moment on: the database goes
	// first, under the feet of whoever uses it.
	_ = db.Close()
	kill()
	n.Wait()
}

// A daemon that is killed a thousand times, and a gateway that is restarted and
// moody, lose no event, reorder none, and tell none twice to who honours the key.
func TestThousandKills(t *testing.T) {
	t.Parallel()
	const kills = 1000
	path, g := filepath.Join(t.TempDir(), "state.db"), newGateway(t)
	g.moody = true
	added := int64(0)
	for range kills {
		if rand.IntN(20) == 0 {
			g.stop()
			g.start()
		}
		run(t, path, g, func(log *activity.Log) {
			for range 1 + rand.IntN(3) {
				events := make([]api.Event, 1+rand.IntN(4))
				for i := range events {
					events[i] = api.Event{Time: time.Now(), Type: api.EventFileReceived, Device: &api.Device{ID: "PEER", Name: "p"},
						Folder: "inbox", Path: fmt.Sprint(added + int64(i)), Action: api.ActionNew}
				}
				if err := log.Record(t.Context(), state.Entries{Events: events}); err != nil {
					t.Fatal(err)
				}
				added += int64(len(events))
			}
			more := g.more // in the middle of its work
			if rand.IntN(2) == 0 {
				more = nil // or at any moment
			}
			select {
			case <-more:
			case <-time.After(time.Duration(rand.ExpFloat64() * float64(5*time.Millisecond))):
			}
		})
	}
	g.mu.Lock()
	g.moody = false
	g.mu.Unlock()
	run(t, path, g, func(*activity.Log) {
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			g.mu.Lock()
			done := len(g.told) > 0 && g.told[len(g.told)-1].LastEvent == added
			g.mu.Unlock()
			if done {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("the last event does not arrive")
			}
		}
	})
	next := int64(1)
	for _, b := range g.told {
		if b.FirstEvent != next || b.Totals.Files != int(b.LastEvent-b.FirstEvent+1) {
			t.Fatalf("%d files from event %d to %d, want one from %d on", b.Totals.Files, b.FirstEvent, b.LastEvent, next)
		}
		next = b.LastEvent + 1
	}
	if next != added+1 {
		t.Errorf("told of %d events of %d", next-1, added)
	}
	if g.again == 0 {
		t.Error("nothing was sent twice: the kills came at harmless moments only")
	}
	t.Logf("%d events in %d notifications, %d of them sent again", added, len(g.told), g.again)
}
