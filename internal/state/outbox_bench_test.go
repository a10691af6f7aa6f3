package state_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/activity"
	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/notify"
	"github.com/botsync/botsync/internal/state"
)

// queue puts n notifications of one file each into the outbox of a target, as
// the batcher does without debounce.
func queue(tb testing.TB, path string, n int) {
	tb.Helper()
	db, err := state.Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	if err := errors.Join(db.Hasty(), db.AddOutboxTarget(tb.Context(), "w", 0)); err != nil {
		tb.Fatal(err)
	}
	body := fmt.Appendf(nil, `{"message":"%0300d","name":"BotSync","wakeMode":"now","deliver":true}`, 0)
	for i := range n {
		if err := db.Enqueue(tb.Context(), "w", api.Outgoing{Key: fmt.Sprintf("msg_%032d", i), Body: body, At: time.Now()}, int64(i)); err != nil {
			tb.Fatal(err)
		}
	}
}

// drain sends what is in the outbox to a target that accepts at once.
func drain(tb testing.TB, path string, n int) time.Duration {
	tb.Helper()
	g := newGateway(tb)
	g.lean = true
	db, err := state.Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	log, err := activity.Open(tb.Context(), db)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(tb.Context())
	start := time.Now()
	notifier, err := notify.New(ctx, notify.Options{Store: db, Source: log, Log: slog.New(slog.DiscardHandler)},
		[]api.NotifyTarget{{Name: "w", Kind: api.NotifyOpenClaw, URL: "http://" + g.addr + "/", Token: "x"}})
	if err != nil {
		tb.Fatal(err)
	}
	for range g.more {
		if g.count() >= n {
			break
		}
	}
	for left := -1; left != 0; { // the last of them are being removed
		all, err := db.OutboxTargets(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		left = all["w"].Queued
	}
	took := time.Since(start)
	stop()
	notifier.Wait()
	return took
}

func (g *gateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.taken
}

func (g *gateway) wake() {
	select {
	case g.more <- struct{}{}:
	default:
	}
}

// BenchmarkDrain says how fast a queue goes to a fast target: promised are 500
// notifications a second.
func BenchmarkDrain(b *testing.B) {
	path := filepath.Join(b.TempDir(), "state.db")
	queue(b, path, b.N)
	b.ResetTimer()
	took := drain(b, path, b.N)
	b.ReportMetric(float64(b.N)/took.Seconds(), "notifications/s")
}

const queuedEvents = 100_000

// BenchmarkQueue says what 100,000 queued notifications take: promised are
// 100 MB.
func BenchmarkQueue(b *testing.B) {
	path := filepath.Join(b.TempDir(), "state.db")
	for b.Loop() {
		queue(b, path, queuedEvents)
		var heap runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&heap)
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/1e6, "MB-disk")
		b.ReportMetric(float64(heap.Sys)/1e6, "MB-memory")
		b.ReportMetric(queuedEvents/drain(b, path, queuedEvents).Seconds(), "notifications/s")
		runtime.ReadMemStats(&heap)
		b.ReportMetric(float64(heap.Sys)/1e6, "MB-memory-drained")
	}
}
