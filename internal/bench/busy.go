package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	busyRate  = 200  // changes a second
	busyFiles = 2000 // which are written in turn, so each one every ten seconds
	busyDirs  = 20
	busySize  = 4 << 10
)

// busy overwrites files at an even rate and measures how long each change takes
// to the other side, and how long after the last one all of them are there. A
// change that is overtaken by the next one of the same file counts as there with
// it.
func busy(ctx context.Context, b *bench) error {
	during := 60 * time.Second
	if b.quick {
		during = 10 * time.Second
	}
	tools := []string{toolBotsync, toolStock, toolOriginal, toolNoDelay, toolUnison, toolLsyncd}
	if b.quick {
		tools = []string{toolBotsync, toolNoDelay, toolOriginal}
	}
	return eachMover(ctx, b, tools, func(ctx context.Context, m mover) error { return busyWith(ctx, b, m, during) })
}

func busyWith(ctx context.Context, b *bench, m mover, during time.Duration) error {
	watch, err := newDirWatch()
	if err != nil {
		return err
	}
	defer watch.close()
	t := &arrivals{latest: make([]int, busyFiles), done: make([]int, busyFiles), changed: make(chan struct{}, 1)}
	from, to := filepath.Join(m.left(shared), "busy"), filepath.Join(m.right(shared), "busy")
	tree := filepath.Join(b.dir, "busy")
	if err := makeTree(tree, busyFiles, busyDirs, busySize); err != nil {
		return err
	}
	wanted, err := list(tree)
	if err != nil {
		return err
	}
	if err := os.Rename(tree, from); err != nil {
		return err
	}
	if err := awaitAll(ctx, to, wanted); err != nil {
		return err
	}
	for i := range busyDirs {
		if err := watch.add(filepath.Join(to, fmt.Sprintf("dir-%d", i))); err != nil {
			return err
		}
	}
	// The watches of a tool on what has just come, and what else comes late.
	if err := sleep(ctx, 15*time.Second); err != nil {
		return err
	}
	flush(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { t.follow(watch) })
	defer watching.Wait()
	defer watch.close()

	n := int(during.Seconds() * busyRate)
	t.sent = make([]time.Time, 1, n+1)
	data := make([]byte, busySize)
	meter, begin := newMeter(m.pids()), time.Now()
	for i := 1; i <= n; i++ {
		if err := sleep(ctx, time.Until(begin.Add(time.Duration(i)*time.Second/busyRate))); err != nil {
			return err
		}
		_, _ = rand.Read(data)
		binary.BigEndian.PutUint64(data, uint64(i))
		which := i % busyFiles
		t.send(i, which)
		path := filepath.Join(from, fmt.Sprintf("dir-%d", which%busyDirs), fmt.Sprintf("file-%d", which))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
	end := time.Now()
	late := end.Sub(begin) - during
	if err := t.wait(ctx); err != nil {
		return err
	}
	backlog := time.Since(end)
	cpu, peak := meter.end()
	if late > during/20 {
		b.say("  this machine was too slow to write at that rate: %s late", late.Round(time.Millisecond))
	}
	name := fmt.Sprintf("%d files changed a second for %s", busyRate, during)
	row := b.row(name, m.tool(), unitMS)
	for _, took := range t.times() {
		row.took(took)
	}
	row.used(cpu, peak)
	after := b.row("  all there after the last", m.tool(), unitMS)
	after.took(backlog)
	if m.tool() == toolBotsync {
		row.most(ofP99, 1000)
		after.most(ofMax, 2000)
	} else {
		row.against(name, toolBotsync)
	}
	return nil
}

// arrivals match what is there with what was sent. A change has a number, from 1,
// which is in the first bytes of the file.
type arrivals struct {
	mu      sync.Mutex
	sent    []time.Time     // by change
	took    []time.Duration // of those that are there
	latest  []int           // change of each file that was sent
	done    []int           // and that is there
	changed chan struct{}
}

func (t *arrivals) send(change, file int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent = append(t.sent, time.Now())
	t.latest[file] = change
}

// follow reads what has come, until the watch is closed.
func (t *arrivals) follow(w *dirWatch) {
	for {
		events, err := w.next()
		if err != nil {
			return
		}
		now := time.Now()
		for _, ev := range events {
			number, ok := strings.CutPrefix(filepath.Base(ev.path), "file-")
			file, err := strconv.Atoi(number)
			if !ok || err != nil || ev.gone || file < 0 || file >= busyFiles {
				continue // a temporary file
			}
			if data, err := os.ReadFile(ev.path); err == nil && len(data) == busySize {
				t.arrived(file, int(binary.BigEndian.Uint64(data)), now)
			}
		}
	}
}

func (t *arrivals) arrived(file, change int, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if change <= 0 || change > t.latest[file] {
		return // what was there before
	}
	next := t.done[file] + busyFiles
	if t.done[file] == 0 {
		next = file
		if file == 0 {
			next = busyFiles
		}
	}
	for ; next <= change; next += busyFiles {
		t.took = append(t.took, now.Sub(t.sent[next]))
		t.done[file] = next
	}
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

func (t *arrivals) times() []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.took
}

// wait returns when all that was sent is there.
func (t *arrivals) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		t.mu.Lock()
		missing := len(t.sent) - 1 - len(t.took)
		t.mu.Unlock()
		if missing == 0 {
			return nil
		}
		select {
		case <-t.changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d changes: %w", missing, ctx.Err())
		}
	}
}
